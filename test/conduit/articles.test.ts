// Articles, favorites, feed, tags and comments of Conduit, as the RealWorld specification describes them.

import { afterAll, expect, test } from "vitest";
import { conduit } from "./kit.ts";

/** The client for tests whose results do not depend on the data of other tests. */
const shared = await conduit();
const zoe = await shared.register("zoe");
afterAll(() => shared.app.stop());

const blank = "can't be blank";
const time = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+Z$/);
const given = { title: "How to bake", description: "Bread", body: "Take flour", tagList: ["food", "bread"] };
const author = { username: "ana", bio: null, image: null, following: false };
const shown = { ...given, slug: "how-to-bake", createdAt: time, updatedAt: time, favorited: false, favoritesCount: 0, author };

test("H15: an author of the Conduit app can publish, read, change and delete an article", async () => {
  await using client = await conduit();
  const token = await client.register("ana");
  const published = await client.ask("POST /articles", { token, body: { article: given } });
  expect(published.status).toBe(201);
  expect(published.body).toEqual({ article: shown });
  expect((await client.ask("GET /articles/how-to-bake")).body).toEqual({ article: shown });

  const change = (article: object, slug = "how-to-bake") => client.ask(`PUT /articles/${slug}`, { token, body: { article } });
  const changed = await change({ body: "Take rye" });
  expect(changed).toMatchObject({
    status: 200,
    body: { article: { ...shown, body: "Take rye", createdAt: published.body.article.createdAt } },
  });
  expect(changed.body.article.updatedAt >= published.body.article.updatedAt).toBe(true);
  expect((await change({ tagList: [] })).body.article).toMatchObject({ body: "Take rye", tagList: [] });
  expect(await change({ tagList: null })).toMatchObject({ status: 422, body: { errors: { tagList: [expect.any(String)] } } });
  expect((await change({ title: "How to fry" })).body.article).toMatchObject({ title: "How to fry", slug: "how-to-fry" });
  expect(await client.ask("GET /articles/how-to-bake")).toMatchObject({ status: 404 });

  expect(await client.ask("DELETE /articles/how-to-fry", { token })).toMatchObject({ status: 204, body: undefined });
  expect(await client.ask("GET /articles/how-to-fry")).toMatchObject({
    status: 404,
    body: { errors: { article: ["not found"] } },
  });
});

test.each([
  ["title", ""],
  ["description", ""],
  ["body", ""],
  ["title", undefined],
])("H15: the Conduit app refuses an article whose %s is %o with 422", async (field, value) => {
  const answer = await shared.ask("POST /articles", { token: zoe, body: { article: { ...given, [field]: value } } });
  expect(answer).toMatchObject({ status: 422, body: { errors: { [field]: [blank] } } });
});

test("H15: the Conduit app gives articles different slugs, even when titles are equal or have no letters", async () => {
  await using client = await conduit();
  const token = await client.register("ana");
  const slugs: string[] = [];
  for (const title of ["Füße & Hände!", "Füße, Hände", "???", "!!!"]) slugs.push(await client.publish(token, title));
  expect(slugs[0]).toBe("füße-hände");
  expect(slugs[2]).toBe("article");
  expect(new Set(slugs).size).toBe(4);
  for (const slug of slugs)
    expect(await client.ask(`GET /articles/${encodeURIComponent(slug)}`)).toMatchObject({
      status: 200,
      body: { article: { slug } },
    });
});

test("H15: only the author can change or delete an article of the Conduit app", async () => {
  await using client = await conduit();
  const slug = await client.publish(await client.register("ana"), "Mine");
  const token = await client.register("bea");
  const forbidden = { status: 403, body: { errors: { article: ["forbidden"] } } };
  expect(await client.ask(`PUT /articles/${slug}`, { token, body: { article: { body: "No" } } })).toMatchObject(forbidden);
  expect(await client.ask(`DELETE /articles/${slug}`, { token })).toMatchObject(forbidden);
  expect((await client.ask(`GET /articles/${slug}`)).body.article.body).toBe("All of it");
});

test.each([
  ["GET /articles/nothing", undefined],
  ["PUT /articles/nothing", { article: { body: "x" } }],
  ["DELETE /articles/nothing", undefined],
  ["POST /articles/nothing/favorite", undefined],
  ["DELETE /articles/nothing/favorite", undefined],
  ["GET /articles/nothing/comments", undefined],
  ["POST /articles/nothing/comments", { comment: { body: "x" } }],
  ["DELETE /articles/nothing/comments/1", undefined],
])("H15: the Conduit app refuses %s of an unknown article with 404", async (route, body) => {
  const answer = await shared.ask(route, body === undefined ? { token: zoe } : { token: zoe, body });
  expect(answer).toMatchObject({ status: 404, body: { errors: { article: ["not found"] } } });
});

test("H15: the Conduit app counts a favorite once per user, and shows favorited: true only to this user", async () => {
  await using client = await conduit();
  const token = await client.register("ana");
  const slug = await client.publish(token, "Liked");
  const as = (favorited: boolean, favoritesCount: number) => ({
    status: 200,
    body: { article: { slug, favorited, favoritesCount } },
  });
  expect(await client.ask(`POST /articles/${slug}/favorite`, { token })).toMatchObject(as(true, 1));
  expect(await client.ask(`POST /articles/${slug}/favorite`, { token })).toMatchObject(as(true, 1));
  expect(await client.ask(`GET /articles/${slug}`, { token })).toMatchObject(as(true, 1));
  expect(await client.ask(`GET /articles/${slug}`)).toMatchObject(as(false, 1));
  expect((await client.ask("GET /articles?favorited=ana")).body).toMatchObject({ articlesCount: 1, articles: [{ slug }] });
  expect((await client.ask("GET /articles?favorited=nobody")).body).toEqual({ articles: [], articlesCount: 0 });
  expect(await client.ask(`DELETE /articles/${slug}/favorite`, { token })).toMatchObject(as(false, 0));
  expect(await client.ask(`DELETE /articles/${slug}/favorite`, { token })).toMatchObject(as(false, 0));
});

test("H15: a list of Conduit articles has filters and pages, starts with the newest article, and omits the article bodies", async () => {
  await using client = await conduit();
  const ana = await client.register("ana");
  const bea = await client.register("bea");
  await client.publish(ana, "One", { tagList: ["a", "b"] });
  await client.publish(bea, "Two", { tagList: ["b"] });
  await client.publish(ana, "Three");
  const titles = async (query: string, token?: string) => {
    const { status, body } = await client.ask(`GET /articles${query}`, token === undefined ? {} : { token });
    expect(status).toBe(200);
    return [body.articles.map(({ title }: { title: string }) => title).join(" "), body.articlesCount];
  };
  expect(await titles("")).toEqual(["Three Two One", 3]);
  expect(await titles("", bea)).toEqual(["Three Two One", 3]);
  expect(await titles("?author=ana")).toEqual(["Three One", 2]);
  expect(await titles("?author=nobody")).toEqual(["", 0]);
  expect(await titles("?tag=b")).toEqual(["Two One", 2]);
  expect(await titles("?tag=b&author=ana")).toEqual(["One", 1]);
  expect(await titles("?limit=1")).toEqual(["Three", 3]);
  expect(await titles("?limit=1&offset=1")).toEqual(["Two", 3]);
  expect(await titles("?author=ana&limit=1&offset=1")).toEqual(["One", 2]);
  const [first] = (await client.ask("GET /articles?tag=a")).body.articles;
  expect(Object.keys(first).sort()).toEqual(
    Object.keys(shown)
      .filter((key) => key !== "body")
      .sort(),
  );
  for (const query of ["?limit=0", "?offset=-1", "?limit=ten"])
    expect(await client.ask(`GET /articles${query}`)).toMatchObject({ status: 422 });
});

test("H15: the feed of a Conduit user has only articles of users whom the user follows", async () => {
  await using client = await conduit();
  const token = await client.register("ana");
  const bea = await client.register("bea");
  await client.publish(await client.register("cem"), "Not this");
  await client.publish(bea, "One");
  await client.publish(bea, "Two");
  expect((await client.ask("GET /articles/feed", { token })).body).toEqual({ articles: [], articlesCount: 0 });
  await client.ask("POST /profiles/bea/follow", { token });
  const feed = async (query = "") => (await client.ask(`GET /articles/feed${query}`, { token })).body;
  expect(await feed()).toMatchObject({ articlesCount: 2, articles: [{ title: "Two" }, { title: "One" }] });
  expect(await feed("?limit=1")).toMatchObject({ articlesCount: 2, articles: [{ title: "Two", author: { following: true } }] });
  const { articles } = await feed("?limit=1&offset=1");
  expect(articles).toMatchObject([{ title: "One" }]);
  expect(articles[0]).not.toHaveProperty("body");
});

test("H15: the tags of the Conduit app are the tags of all articles, each tag once", async () => {
  await using client = await conduit();
  const token = await client.register("ana");
  expect((await client.ask("GET /tags")).body).toEqual({ tags: [] });
  await client.publish(token, "One", { tagList: ["b", "a"] });
  await client.publish(token, "Two", { tagList: ["b"] });
  expect(await client.ask("GET /tags")).toMatchObject({ status: 200, body: { tags: ["a", "b"] } });
});

test("H15: a user of the Conduit app can add, list and delete comments", async () => {
  await using client = await conduit();
  const token = await client.register("ana");
  const slug = await client.publish(token, "Discussed");
  const add = (body: string) => client.ask(`POST /articles/${slug}/comments`, { token, body: { comment: { body } } });
  const first = await add("First");
  expect(first).toMatchObject({ status: 201 });
  expect(first.body).toEqual({ comment: { id: expect.any(Number), createdAt: time, updatedAt: time, body: "First", author } });
  await add("Second");
  expect(await add("")).toMatchObject({ status: 422, body: { errors: { body: [blank] } } });
  const list = async () =>
    (await client.ask(`GET /articles/${slug}/comments`)).body.comments.map(({ body }: { body: string }) => body);
  expect(await list()).toEqual(["Second", "First"]);
  const { id } = first.body.comment;

  const bea = await client.register("bea");
  const remove = (who: string, which: number) => client.ask(`DELETE /articles/${slug}/comments/${which}`, { token: who });
  expect(await remove(bea, id)).toMatchObject({ status: 403, body: { errors: { comment: ["forbidden"] } } });
  expect(await remove(token, 99_999)).toMatchObject({ status: 404, body: { errors: { comment: ["not found"] } } });
  expect(await remove(token, id)).toMatchObject({ status: 204, body: undefined });
  expect(await list()).toEqual(["Second"]);
  await client.ask(`DELETE /articles/${slug}`, { token });
  expect(await client.ask(`GET /articles/${slug}/comments`)).toMatchObject({ status: 404 });
});
