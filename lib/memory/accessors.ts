/**
 * The class of a struct's instances: a getter and a setter for each field, on a prototype.
 *
 * They are generated as text where the platform allows it, so that each struct has machine code of its own, with its offsets as
 * constants. A page whose Content-Security-Policy forbids `new Function` gets closures: same meaning, slower, because the
 * engine then compiles one accessor for all structs.
 */
import { AT, HOME, KEPT, VIEW, type Instance, type InstanceClass } from "./hidden.ts";
import { FixedArray, refuseIndex } from "./fixed-array.ts";
import type { FieldCode, Scalar } from "./field.ts";
import type { Home } from "./home.ts";
import type { Member } from "./offsets.ts";
import type { ViewKind } from "./views.ts";

export type ArrayClass = new (code: FieldCode, home: Home, at: number, length: number) => FixedArray<unknown>;

export interface Builder {
  instances(members: readonly Member[]): InstanceClass;
  /**
   * The class of arrays of a struct without locks. One for each struct: through a shared `at` the engine would not know what it
   * creates, and so could not spare the creation.
   */
  arrays(Instance: InstanceClass, size: number): ArrayClass;
}

/** Generated where that is allowed, else closures. */
export function preferredBuilder(): Builder {
  try {
    new Function("");
    return generated;
  } catch {
    return closures;
  }
}

/** The kinds of views that the scalar fields need. */
export const viewsOf = (members: readonly Member[]): ViewKind[] => [...new Set(members.flatMap(({ code }) => code.scalar?.view ?? []))];

/** An accessor of any field, as a closure. */
function accessor(member: Member, index: number): PropertyDescriptor & ThisType<Instance> {
  const { code, offset, where } = member;
  const set = function (this: Instance, value: unknown): void {
    code.write(this[HOME], this[AT] + offset, code.check(value, where, true));
  };
  if (!code.kept) {
    return {
      get() {
        return code.read(this[HOME], this[AT] + offset);
      },
      set,
    };
  }
  return {
    get() {
      return ((this[KEPT] ??= [])[index] ??= code.read(this[HOME], this[AT] + offset));
    },
    set,
  };
}

export const closures: Builder = {
  instances(members) {
    const Struct = class implements Instance {
      readonly [HOME]: Home;
      readonly [AT]: number;
      [KEPT]: unknown[] | undefined = undefined;
      constructor(home: Home, at: number) {
        this[HOME] = home;
        this[AT] = at;
      }
    };
    members.forEach((member, index) => Object.defineProperty(Struct.prototype, member.name, accessor(member, index)));
    return Struct;
  },
  arrays: () => FixedArray,
};

/**
 * The accessor of a scalar field, as text. Names reach it as JSON only, so they cannot be code.
 *
 * A value that fails its test is stored into `undefined`, which throws, and only then told of. The plain `if (!test) refuse()` would do the
 * same: but a call that has never been made is a way out of the caller's loop for V8, which then peels no iteration off that loop and
 * repeats every look at the struct and its view in each (1.5x a typed array's store, instead of 1.15x).
 */
function scalarText(name: string, { view, shift, boolean, testText }: Scalar, offset: number, index: number): string {
  // PLAIN: a field belongs to whoever holds the user's lock on it, as all of a struct does.
  const element = `[${shift === 0 ? "this[AT]" : `(this[AT] >>> ${String(shift)})`} + ${String(offset >>> shift)}]`;
  return `
    get ${JSON.stringify(name)}() { return this[${view}]${element}${boolean ? " !== 0" : ""}; }
    set ${JSON.stringify(name)}(v) {
      try { (${testText} ? this[${view}] : undefined)${element} = ${boolean ? "v ? 1 : 0" : "v"}; }
      catch (thrown) { check(${String(index)}, v); throw thrown; }
    }`;
}

/** Numbers the generated texts: engines compile equal texts once, and so would mix what they learn about two structs. */
let texts = 0;
const header = (): string => `"use strict"; // ${String(++texts)}`;

export const generated: Builder = {
  instances(members) {
    const views = viewsOf(members);
    const check = (index: number, value: unknown): unknown => members[index]?.code.check(value, members[index].where, true);
    const text = `${header()}
const { ${views.join(", ")} } = VIEW;
return class {
    constructor(home, at) {
      this[HOME] = home;
      this[AT] = at;
      ${members.some(({ code }) => code.kept) ? "this[KEPT] = undefined;" : ""}
      ${views.map((kind) => `this[${kind}] = home.${kind};`).join("\n      ")}
    }${members.map(({ name, code, offset }, i) => (code.scalar === undefined ? "" : scalarText(name, code.scalar, offset, i))).join("")}
};`;
    const Struct = new Function("HOME", "AT", "KEPT", "VIEW", "check", text)(HOME, AT, KEPT, VIEW, check) as InstanceClass;
    members.forEach((member, index) => {
      if (member.code.scalar === undefined) Object.defineProperty(Struct.prototype, member.name, accessor(member, index));
    });
    return Struct;
  },

  arrays(Instance, size) {
    const text = `${header()}
return class extends FixedArray {
    at(i) {
      if (i >>> 0 !== i || i >= this.length) refuseIndex(i, this.length);
      return new Instance(this[HOME], this[AT] + i * ${String(size)});
    }
};`;
    return new Function("FixedArray", "HOME", "AT", "refuseIndex", "Instance", text)(
      FixedArray,
      HOME,
      AT,
      refuseIndex,
      Instance,
    ) as ArrayClass;
  },
};
