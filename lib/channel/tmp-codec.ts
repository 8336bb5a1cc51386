import v8 from "node:v8";
export function pack(value: unknown, _where: string): { bytes: Uint8Array; shared: readonly object[] } {
  return { bytes: v8.serialize(value), shared: [] };
}
export const unpack = (bytes: Uint8Array, _shared: readonly object[]): unknown => v8.deserialize(bytes);
