// Returns the kernel of a test's app. Only Quater's own tests and the gate suite use the kernel. Other tests use only the
// services and the catalog of the app.

import type { Kernel } from "../boot/kernel.ts";

const kernels = new WeakMap<object, Kernel>();

export const keepKernel = (app: object, kernel: Kernel): void => void kernels.set(app, kernel);

/** @param app  A result of `bootTest`. @throws {Error} for any other object. */
export const kernelOf = (app: object): Kernel => {
  const kernel = kernels.get(app);
  if (kernel === undefined) throw new Error("The given app was not returned by bootTest. Pass the object that bootTest returned");
  return kernel;
};
