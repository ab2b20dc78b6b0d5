/**
 * Lints the docs of what others import: every export documented and typed.
 *
 * `deno doc --lint` also wants each file to re-export the types it mentions (`private-type-ref`). Here a file exports
 * what is its own, so that rule is left out.
 *
 * @module
 */

const command = new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", ...Deno.args],
  env: { NO_COLOR: "1" },
  stdout: "null",
  stderr: "piped",
});
const { stderr } = await command.output();
const problems = new TextDecoder().decode(stderr)
  .split(/\n(?=error\[)/)
  .filter((problem) => problem.startsWith("error[") && !problem.startsWith("error[private-type-ref]"));
for (const problem of problems) console.error(problem.trimEnd());
console.error(problems.length === 0 ? "Docs are complete" : `${problems.length} problems`);
Deno.exit(problems.length === 0 ? 0 : 1);
