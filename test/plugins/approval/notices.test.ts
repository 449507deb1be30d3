// Notices: signed as Standard Webhooks has it, tried again, and never in the way of a call.

import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { tellerOf } from "../../../plugins/approval/notices/deliver.ts";
import type { Notice, Notify, NotifyOption } from "../../../plugins/approval/notices/notice.ts";
import { noticeProblems } from "../../../plugins/approval/notices/problems.ts";
import { signatureOf, signingKeyOf } from "../../../plugins/approval/notices/sign.ts";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const filed: Notice = {
  type: "approval.filed",
  id: "apr_aaaaaaaaaaaaaaaaaaaa",
  app: "shop",
  handler: "refundOrder",
  policy: "finance",
  url: "https://shop.example/approvals/apr_aaaaaaaaaaaaaaaaaaaa",
};
/** As usual, without the waiting. */
const hasty = { pausesMs: [1, 1, 1, 1], timeoutMs: 2_000 };

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver that answers as it is told, and keeps what it got. */
const receiver = async (answer: RequestListener) => {
  const received: Received[] = [];
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on("data", (part: Buffer) => parts.push(part));
    req.on("end", () => {
      received.push({ headers: req.headers, body: Buffer.concat(parts).toString() });
      answer(req, res);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/geheim` };
};

const logged = () => {
  const lines: { message: string; fields: unknown }[] = [];
  const add = (message: string, fields: unknown) => void lines.push({ message, fields });
  return { lines, log: { info: add, warn: add, error: add } };
};

const told = async (notify: NotifyOption, notices: readonly Notice[], patience = hasty) => {
  const { lines, log } = logged();
  const teller = tellerOf(notify, log, patience);
  for (const notice of notices) teller.tell(notice);
  await teller.stop();
  return lines;
};

test("the signature of a webhook of Quater equals the example in the Standard Webhooks specification", () => {
  const key = signingKeyOf(secret);
  expect(key).toBeDefined();
  expect(signatureOf(key as Buffer, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')).toBe(
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  );
});

describe("Quater sends webhooks about approval requests", () => {
  test("a webhook about an approval request contains id, handler, app, policy and link, but no arguments", async () => {
    const { received, url } = await receiver((_req, res) => res.end());
    const before = Date.now();
    expect(await told({ webhook: { url, secret } }, [filed])).toEqual([]);
    const after = Date.now();
    expect(received).toHaveLength(1);
    const { type, timestamp, data } = JSON.parse(received[0]?.body ?? "") as Record<string, unknown>;
    expect(type).toBe("approval.filed");
    expect(Date.parse(String(timestamp))).toBeGreaterThanOrEqual(before);
    expect(Date.parse(String(timestamp))).toBeLessThanOrEqual(after);
    const { type: _, ...rest } = filed;
    expect(data).toEqual(rest);
  });

  test("a webhook about an approval request has the three signature headers of Standard Webhooks", async () => {
    const { received, url } = await receiver((_req, res) => res.end());
    const before = Math.floor(Date.now() / 1_000);
    await told({ webhook: { url, secret } }, [filed]);
    const after = Math.floor(Date.now() / 1_000);
    const [{ headers, body } = { headers: {}, body: "" }] = received;
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    expect(headers["webhook-id"]).toBe("apr_aaaaaaaaaaaaaaaaaaaa_filed");
    expect(Number(headers["webhook-timestamp"])).toBeGreaterThanOrEqual(before);
    expect(Number(headers["webhook-timestamp"])).toBeLessThanOrEqual(after);
    expect(headers["content-type"]).toBe("application/json");
  });

  test("Quater sends a webhook again with the same id until the receiver accepts the webhook", async () => {
    let attempts = 0;
    const { received, url } = await receiver((_req, res) => {
      res.statusCode = ++attempts < 4 ? 503 : 204;
      res.end();
    });
    expect(await told({ webhook: { url, secret } }, [filed])).toEqual([]);
    expect(received).toHaveLength(4);
    expect(new Set(received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  });

  test("after five failed attempts, Quater stops sending a webhook and logs the failure without the secret part of the URL", async () => {
    const { received, url } = await receiver((_req, res) => {
      res.statusCode = 500;
      res.end();
    });
    const lines = await told({ webhook: { url, secret } }, [filed]);
    expect(received).toHaveLength(5);
    expect(lines).toMatchObject([
      {
        message: "A notice about an approval could not be delivered",
        fields: { type: "approval.filed", reason: "the receiver answered with the status 500" },
      },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/geheim|whsec/);
  });

  test("Quater follows no redirects when it sends a webhook", async () => {
    const other = await receiver((_req, res) => res.end());
    const { url } = await receiver((_req, res) => {
      res.writeHead(307, { location: other.url });
      res.end();
    });
    expect(await told({ webhook: { url, secret } }, [filed])).toHaveLength(1);
    expect(other.received).toEqual([]);
  });

  test("Quater stops sending a webhook after the timeout when the receiver never answers", async () => {
    const { url } = await receiver(() => {});
    const lines = await told({ webhook: { url, secret } }, [filed], { pausesMs: [], timeoutMs: 50 });
    expect(lines).toHaveLength(1);
  });

  test("a slow webhook receiver delays the stop of the app at most until the timeout of the webhook", async () => {
    const { url } = await receiver(() => {});
    const lines = await told({ webhook: { url, secret } }, [filed], { pausesMs: [1_000], timeoutMs: 3_600_000 });
    expect(lines).toMatchObject([{ fields: { reason: "the process stopped" } }]);
  });
});

describe("notify functions get notices about approval requests", () => {
  test("a notify function gets the same notices as a configured webhook", async () => {
    const { received, url } = await receiver((_req, res) => res.end());
    const got: Notice[] = [];
    await told([(notice) => void got.push(notice), { webhook: { url, secret } }], [filed]);
    expect(got).toEqual([filed]);
    expect(received).toHaveLength(1);
  });

  test.each<[string, Notify]>([
    [
      "throws",
      () => {
        throw new Error("no mail today");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no mail today"))],
  ])("a notify function that %s does not affect the approval request or other notices", async (_how, notify) => {
    const got: Notice[] = [];
    const lines = await told([notify, (notice) => void got.push(notice)], [filed]);
    expect(got).toEqual([filed]);
    expect(lines).toMatchObject([{ fields: { to: "a function", reason: "Error: no mail today" } }]);
  });

  test("a notify function that never ends does not prevent the process from ending", async () => {
    await told(() => new Promise<void>(() => {}), [filed]); // the test's timeout would end it
  });
});

test("the number of undelivered notices about approvals in memory is limited", async () => {
  const { lines, log } = logged();
  const teller = tellerOf(() => new Promise<void>(() => {}), log, hasty);
  for (let count = 0; count < 1_010; count++) teller.tell(filed);
  expect(lines).toHaveLength(10);
  await teller.stop();
});

describe("boot checks the option notify of approval()", () => {
  test.each<[string, NotifyOption, RegExp]>([
    ["plain http", { webhook: { url: "http://hooks.example/a", secret } }, /does not use https/],
    ["a webhook without a url", { webhook: { url: "hooks", secret } }, /must be a function or a webhook with a url/],
    [
      "a webhook without a secret",
      { webhook: { url: "https://hooks.example/a", secret: "" } },
      /has no valid secret for its signature/,
    ],
    [
      "a short secret",
      { webhook: { url: "https://hooks.example/a", secret: "whsec_QUJD" } },
      /has no valid secret for its signature/,
    ],
    ["a value that is neither a webhook nor a function", [{} as never], /must be a function or a webhook with a url/],
  ])("boot refuses %s in the option notify of approval()", (_what, notify, cause) => {
    expect(noticeProblems(notify)).toMatchObject([{ place: "approval()", cause: expect.stringMatching(cause) as string }]);
  });

  test("the option notify of approval() accepts https URLs, loopback URLs and functions", () => {
    expect(noticeProblems(undefined)).toEqual([]);
    expect(
      noticeProblems([
        () => {},
        { webhook: { url: "https://hooks.example/a", secret } },
        { webhook: { url: "http://localhost:1/a", secret } },
      ]),
    ).toEqual([]);
  });
});
