import { parityOf } from "./parity-table.ts";

parityOf();
