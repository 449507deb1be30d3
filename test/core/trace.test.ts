import { traceIdOf } from "quater/plugin-api";
import { expect, test } from "vitest";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";

test("traceIdOf reads the trace id from a valid traceparent header", () => {
  expect(traceIdOf(`00-${trace}-00f067aa0ba902b7-01`)).toBe(trace);
});

test.each([
  undefined,
  7,
  "",
  trace,
  `01-${trace}-00f067aa0ba902b7-01`,
  `00-${trace.toUpperCase()}-00f067aa0ba902b7-01`,
  `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
  `00-${trace}-${"0".repeat(16)}-01`,
  `00-${trace}-00f067aa0ba902b7-01-more`,
  `00-${trace}-00f067aa0ba902b7-01, 00-${trace}-00f067aa0ba902b7-01`,
  `00-${trace}-00f067aa0ba902b7-01\n`,
])("traceIdOf refuses %j as a traceparent header", (value) => {
  expect(traceIdOf(value)).toBeUndefined();
});
