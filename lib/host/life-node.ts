/** How threads prove that they live: here the platform tells of their ends. */
import type { Life } from "./host.ts";

export const life = undefined as Life | undefined;
