/** Takes the last entries off a list until it is no longer than `length`: of a few, in less time than setting its length takes. */
export function shorten(list: unknown[], length: number): void {
  while (list.length > length) list.pop();
}
