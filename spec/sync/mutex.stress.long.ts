/** A minute of chaos: see mutex.stress.spec.ts. */
import { it } from "@jest/globals";
import { survivesChaos } from "../support/survives-chaos.ts";

it("nobody hangs, and nobody sees half-changed words unwarned, whoever is terminated inside a Mutex, for a minute", () =>
  survivesChaos(60_000));
