import svelte from 'eslint-plugin-svelte';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {ignores: ['dist/', 'node_modules/', 'public/', 'svelte.config.js', 'eslint.config.js', 'e2e/']},
  ...tseslint.configs.strictTypeChecked,
  ...svelte.configs.recommended,
  {
    languageOptions: {parserOptions: {projectService: true, extraFileExtensions: ['.svelte'], tsconfigRootDir: import.meta.dirname}},
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', {disallowTypeAnnotations: false}],
      '@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true}],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
    },
  },
  {
    // Data is decoded in wire.ts, the page's and each view's; nothing else may assert a type.
    files: ['src/**/*.ts', 'src/**/*.svelte'],
    ignores: ['src/wire.ts', 'src/views/*/wire.ts'],
    rules: {'@typescript-eslint/consistent-type-assertions': ['error', {assertionStyle: 'never'}]},
  },
  {files: ['**/*.svelte', '**/*.svelte.ts'], languageOptions: {parserOptions: {parser: tseslint.parser}}},
  {files: ['test/**/*.ts'], rules: {'@typescript-eslint/no-floating-promises': 'off'}},
);
