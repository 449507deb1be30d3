// What the compiler says of the `http` key of an exposure. Run by `tsc`; nothing here is executed.

import { authenticated, defineConfig, expose, handler, Type } from "quater";
import { http } from "quater/http";

const module = {
  getOrder: handler({
    description: "Shows an order.",
    effect: "read",
    input: Type.Object({ orderId: Type.String(), page: Type.Optional(Type.Integer()) }),
    output: Type.Object({ id: Type.String() }),
    auth: authenticated,
    handle: ({ orderId }) => ({ id: orderId }),
  }),
  listOrders: handler({
    description: "Lists orders.",
    effect: "read",
    input: Type.Object({}),
    auth: authenticated,
    handle: () => [],
  }),
};
const load = async () => module;

// What is right.
expose(load, { getOrder: { http: "GET /orders/:orderId" }, listOrders: { http: "GET /orders" } });
expose(load, { getOrder: { http: "POST /orders/:orderId/pages/:page" } });
expose(load, { getOrder: { http: { route: "GET /orders/:orderId" } } });
expose(load, { getOrder: { http: { route: "GET /orders/:orderId", status: 201, bind: { page: "header:x-page" } } } });
expose(load, { getOrder: { http: { route: "GET /orders/:orderId", bind: { page: "cookie:page" } }, public: true } });
expose(load, { getOrder: { name: "showOrder", preview: "caller", http: "GET /orders/:orderId" } });
defineConfig({ name: "shop", handlers: [expose(load, { listOrders: { http: "GET /orders" } })], plugins: [http()] });

expose(load, {
  // @ts-expect-error: the long form has no option stauts
  getOrder: { http: { route: "GET /orders/:orderId", stauts: 201 } },
});
expose(load, {
  // @ts-expect-error: the path parameter :id is no input of the handler
  getOrder: { http: "GET /orders/:id" },
});
expose(load, {
  // @ts-expect-error: a handler without inputs has no path parameter
  listOrders: { http: "GET /orders/:orderId" },
});
expose(load, {
  // @ts-expect-error: one of two path parameters is no input
  getOrder: { http: "GET /orders/:orderId/items/:itemId" },
});
expose(load, {
  // @ts-expect-error: the long form is checked like the short one
  getOrder: { http: { route: "GET /orders/:id", status: 201 } },
});
expose(load, {
  // @ts-expect-error: there is no method FETCH
  getOrder: { http: "FETCH /orders/:orderId" },
});
expose(load, {
  // @ts-expect-error: methods are written in capitals
  getOrder: { http: { route: "get /orders/:orderId" } },
});
expose(load, {
  // @ts-expect-error: a path begins with a slash
  getOrder: { http: "GET orders/:orderId" },
});
expose(load, {
  // @ts-expect-error: a status is a number
  getOrder: { http: { route: "GET /orders/:orderId", status: "201" } },
});
expose(load, {
  // @ts-expect-error: an input is bound to a header or a cookie, and says which
  getOrder: { http: { route: "GET /orders/:orderId", bind: { page: "x-page" } } },
});
expose(load, {
  // @ts-expect-error: the long form needs its route
  getOrder: { http: { status: 201 } },
});
expose(load, {
  // @ts-expect-error: true is a tool's or an action's; a route has a method and a path
  getOrder: { http: true },
});
expose(load, {
  // @ts-expect-error: public is yes or no
  getOrder: { http: "GET /orders/:orderId", public: "yes" },
});
expose(load, {
  // @ts-expect-error: the key is called http
  getOrder: { htp: "GET /orders/:orderId", http: "GET /orders/:orderId" },
});
// @ts-expect-error: the port is a number
http({ port: "3000" });
