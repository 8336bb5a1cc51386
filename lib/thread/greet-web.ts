/** A page's threads, and workers that it has invited, are given their lines. What is different in Node: see greet-node.ts. */
export const hasGreeted = async (): Promise<void> => undefined;
