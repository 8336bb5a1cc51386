/** Field types as plain data, for handles that carry the type of a value to another thread. */
import { HandleError, LayoutError } from "../errors.ts";
import { array } from "./array.ts";
import type { FieldType } from "./field.ts";
import { LAYOUT, layoutFrom } from "./place.ts";
import { bool, f32, f64, i16, i32, i64, i8, u16, u32, u64, u8 } from "./scalar.ts";
import { struct } from "./struct.ts";
import { utf8 } from "./utf8.ts";

const SCALARS = new Map<string, FieldType>(Object.entries({ i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, bool }));
/** How deep types may lie in each other: a forged description must not overflow the stack. */
const MAX_DEPTH = 64;

/**
 * The type that a description describes; for a struct that this thread knows, the very same.
 *
 * @throws {HandleError} it describes no type, or one whose locks this thread has not imported
 */
export function typeFrom(description: unknown): FieldType {
  return build(description, 0);
}

function build(description: unknown, depth: number): FieldType {
  if (depth > MAX_DEPTH) throw new HandleError("its types lie deeper in each other than any real ones");
  if (typeof description === "string") return SCALARS.get(description) ?? fail(description);
  if (!Array.isArray(description)) return fail(description);
  const [kind, first, second] = description as unknown[];
  try {
    if (kind === "utf8") return utf8(first as number);
    if (kind === "array") return array(build(first, depth + 1), second as number);
    if (kind === "struct") return struct(first as string, fieldsFrom(second, depth));
    if (kind === "shared" && typeof first === "string") return primitive(first, second, depth);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError || error instanceof LayoutError)
      throw new HandleError(error.message.replace(/\.$/, ""));
    throw error;
  }
  return fail(description);
}

function fieldsFrom(list: unknown, depth: number): Record<string, FieldType> {
  if (!Array.isArray(list)) return fail(list);
  const entries = (list as unknown[]).map((entry): [string, FieldType] => {
    if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== "string") return fail(entry);
    return [entry[0], build(entry[1], depth + 1)];
  });
  if (new Set(entries.map(([name]) => name)).size < entries.length) throw new HandleError("its struct has two fields of one name");
  return Object.fromEntries(entries);
}

function primitive(kind: string, of: unknown, depth: number): FieldType {
  const layout = layoutFrom(kind, of === undefined || typeof of === "number" ? of : build(of, depth + 1));
  if (layout === undefined)
    throw new HandleError(`it has a ${kind}, which is not known here: import it, in the same version, in both threads`);
  return { [LAYOUT]: layout };
}

function fail(description: unknown): never {
  const shown = typeof description === "string" ? `"${description.slice(0, 40)}"` : typeof description;
  throw new HandleError(`${shown} describes no type`);
}
