// Drives one of the TypeScript clients: takes a step on each line of stdin, answers it on a line of stdout, all JSON.
//   node drive.mjs FOLDER PACKAGE OPTIONS
// FOLDER has node_modules. OPTIONS: {command, args, env, cwd, mode, agrees}, or {url, headers} instead of a command; `mode` is
// for clients that know both protocol eras, `agrees` makes the client one that can ask its person, who answers yes.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";

const [folder, name, given] = process.argv.slice(2);
const { mode, agrees, ...server } = JSON.parse(given);
const load = createRequire(path.join(folder, "package.json"));
const two = name === "@modelcontextprotocol/client";
const { Client } = load(two ? name : `${name}/client/index.js`);
const { StdioClientTransport } = load(two ? `${name}/stdio` : `${name}/client/stdio.js`);

const transport = () => {
  if (!server.url) return new StdioClientTransport({ ...server, stderr: "inherit" });
  const { StreamableHTTPClientTransport } = load(two ? name : `${name}/client/streamableHttp.js`);
  return new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers: server.headers } });
};

const questions = [];
const client = new Client(
  { name: "typescript", version: "1" },
  {
    capabilities: agrees ? { elicitation: {} } : {},
    ...(two && mode ? { versionNegotiation: { mode } } : {}),
  },
);
if (agrees) {
  const answer = async ({ params }) => {
    questions.push(params.message);
    return { action: "accept", content: { agree: true } };
  };
  client.setRequestHandler(two ? "elicitation/create" : load(`${name}/types.js`).ElicitRequestSchema, answer);
}

// With `abandon`, the call is given up as soon as a file of that name is there.
const call = async ({ tool, args, abandon, withProgress }) => {
  const told = [];
  const abort = new AbortController();
  const options = { signal: abort.signal };
  if (withProgress) options.onprogress = (one) => told.push(one);
  const looking = abandon && setInterval(() => existsSync(abandon) && abort.abort("the person went away"), 20);
  const wanted = { name: tool, arguments: args };
  try {
    const result = two ? await client.callTool(wanted, options) : await client.callTool(wanted, undefined, options);
    return { result, told };
  } finally {
    clearInterval(looking);
  }
};

const steps = {
  connect: async () => {
    await client.connect(transport());
    return { server: client.getServerVersion(), instructions: client.getInstructions() };
  },
  listTools: async () => await client.listTools(),
  listResources: async () => await client.listResources(),
  readResource: async ({ uri }) => await client.readResource({ uri }),
  call,
  questions: async () => questions,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: step, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { ok: await steps[step](rest) };
  } catch (error) {
    answer = { threw: { code: error.code ?? null, message: String(error.message ?? error) } };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await client.close();
