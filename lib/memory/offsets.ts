/**
 * Where the fields of a struct lie.
 *
 * As in C: in the order of their declaration, each at the next multiple of its alignment; the whole is aligned as its strictest
 * field, and padded at the end to a multiple of that, so that an array of it keeps every element aligned.
 */
import type { FieldCode } from "./field.ts";
import { checkSize } from "./size.ts";

/** A field with its place inside the struct. */
export interface Member {
  readonly name: string;
  /** The name in messages, such as `Account.total`. */
  readonly where: string;
  readonly code: FieldCode;
  /** In bytes from the start of the struct. */
  readonly offset: number;
}
export interface StructLayout {
  readonly members: readonly Member[];
  readonly byteLength: number;
  readonly align: number;
}

const roundUp = (bytes: number, align: number): number => Math.ceil(bytes / align) * align;

/** Gives each field its offset. Throws a RangeError if they do not fit into 4 GiB. */
export function layOut(struct: string, fields: readonly (readonly [name: string, code: FieldCode])[]): StructLayout {
  let end = 0;
  let align = 1;
  const members = fields.map(([name, code]): Member => {
    const offset = roundUp(end, code.align);
    end = offset + code.byteLength;
    align = Math.max(align, code.align);
    return { name, where: `${struct}.${name}`, code, offset };
  });
  const byteLength = roundUp(end, align);
  checkSize(`struct ${struct}`, 1, 1, byteLength);
  return { members, byteLength, align };
}

/** The layout as a table, padding included. */
export function picture(struct: string, { members, byteLength, align }: StructLayout): string {
  const rows: [offset: number, size: number, what: string][] = [];
  let end = 0;
  const pad = (to: number): void => {
    if (to > end) rows.push([end, to - end, "(padding)"]);
  };
  for (const { name, code, offset } of members) {
    pad(offset);
    rows.push([offset, code.byteLength, `${name}: ${code.label}`]);
    end = offset + code.byteLength;
  }
  pad(byteLength);
  const lines = rows.map(([offset, size, what]) => `${String(offset).padStart(7)} ${String(size).padStart(6)}  ${what}`);
  return [`${struct}: ${String(byteLength)} bytes, aligned to ${String(align)}`, ` offset   size  field`, ...lines].join("\n");
}
