// engramd inside node:test: a reporter that writes one JSON line per test, with its file, the names
// of the suites around it, and the failure; {"done": true} at the end.
import path from "node:path";
import process from "node:process";

const place = (file) => (file ? path.relative(process.cwd(), file) : "");

// "subtest failed" and the like say nothing; the cause does.
const why = (error) => {
  const cause = error?.cause instanceof Error ? error.cause : error;
  if (typeof error?.cause === "string") return error.cause;
  return String(cause?.stack || cause?.message || "").slice(0, 4000);
};

export default async function* engramd(events) {
  // Of each file: the suites and tests around the next one, by nesting. A suite's own verdict comes
  // after those of what is inside it; "start" comes before.
  const around = new Map();
  for await (const { type, data } of events) {
    if (type === "test:start") {
      const names = around.get(data.file) ?? [];
      names.length = data.nesting;
      names[data.nesting] = data.name;
      around.set(data.file, names);
    } else if (type === "test:pass" || type === "test:fail") {
      const names = (around.get(data.file) ?? []).slice(0, data.nesting);
      const error = data.details?.error;
      // The file as a test of its own: only told about when it went wrong by itself.
      const whole = data.nesting === 0 && data.file !== undefined && data.name === data.file;
      // Left out by --test-name-pattern.
      if (data.skip === "test name does not match pattern") continue;
      // A suite is told about by what is in it, unless its own body or a hook of it failed.
      const suite = data.details?.type === "suite" || whole;
      if (suite && (type === "test:pass" || error?.failureType === "subtestsFailed")) continue;
      yield JSON.stringify({
        file: place(data.file), names: whole ? [] : [...names, data.name], line: data.line,
        passed: type === "test:pass", skip: data.skip !== undefined, todo: data.todo !== undefined,
        seconds: (data.details?.duration_ms ?? 0) / 1000,
        slow: error?.failureType === "testTimeoutFailure", message: error ? why(error) : "",
        exit: whole ? error?.exitCode ?? null : undefined,
      }) + "\n";
    }
  }
  yield '{"done":true}\n';
}
