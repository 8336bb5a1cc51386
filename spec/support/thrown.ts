/** What calls throw, for specs that look at it. Errors are told by their code and name, which hold in every realm. */
export interface Thrown {
  readonly code?: string;
  readonly name: string;
  readonly message: string;
}

export function thrownBy(call: () => unknown): Thrown {
  try {
    call();
  } catch (error) {
    return error as Thrown;
  }
  throw new Error("it did not throw");
}

export async function rejectionOf(promise: Promise<unknown>): Promise<Thrown> {
  return promise.then(
    () => Promise.reject(new Error("it did not reject")),
    (error: unknown) => error as Thrown,
  );
}
