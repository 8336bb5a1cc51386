import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "build/", "node_modules/", "spec/golden/"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    rules: {
      "no-undef": "off",
      "no-constant-condition": ["error", { checkLoops: false }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/unified-signatures": "off",
      "@typescript-eslint/no-invalid-void-type": "off",
      "@typescript-eslint/no-extraneous-class": "off",
      "@typescript-eslint/no-empty-object-type": "off",
    },
  },
  {
    files: ["lib/**/*.ts"],
    ignores: ["lib/memory/**", "lib/check/**"],
    rules: {
      "no-restricted-globals": ["error", { name: "Atomics", message: "Only memory/ says Atomics: use a Word." }],
    },
  },
  {
    files: ["spec/**", "examples/**", "scripts/**"],
    rules: { "@typescript-eslint/no-empty-function": "off" },
  },
);
