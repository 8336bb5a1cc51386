/** The door of structs: what other floors, and users, import of them. */
export { array } from "./array.ts";
export { typeFrom } from "./describe.ts";
export { describeType } from "./field.ts";
export type { Field, Fields, FieldType, Infer, InitOf, SharedType, Struct, TypeDescription } from "./field.ts";
export { elementTypeOf, FixedArray, fixedArrayAt } from "./fixed-array.ts";
export { bool, f32, f64, i16, i32, i64, i8, u16, u32, u64, u8, type NumberField } from "./scalar.ts";
export { alignOf, initialise, sizeOf, slotOf, type Slot } from "./slot.ts";
export { snapshot } from "./struct-code.ts";
export { layoutPicture, placeOf, struct, typeOf, type StructType } from "./struct.ts";
export { utf8 } from "./utf8.ts";
