// A chat that shows one app, built on the bridge that hosts are built on. `askServer` is the test's way to the server.
import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

const heard = { links: [], messages: [], modes: [] };

/** Keep what the app asked for where the test can wait for it. */
function hear(kind, what) {
  heard[kind].push(what);
  document.body.dataset[kind] = JSON.stringify(heard[kind]);
  return {};
}

window.showApp = async ({ html, sandbox, capabilities, context, said, told, input, result }) => {
  document.querySelector(".said").textContent = said;
  document.querySelector(".told").textContent = told;
  const frame = document.createElement("iframe");
  frame.title = "Seedance board";
  const bridge = new AppBridge(null, { name: "Test chat", version: "1" }, capabilities, { hostContext: context });
  bridge.oncalltool = (params) => window.askServer("tools/call", params);
  bridge.onreadresource = (params) => window.askServer("resources/read", params);
  bridge.onopenlink = async ({ url }) => hear("links", url);
  bridge.onmessage = async ({ content }) => hear("messages", content[0].text);
  bridge.onrequestdisplaymode = async ({ mode }) => {
    hear("modes", mode);
    frame.className = mode;
    if (mode === "fullscreen") frame.style.height = "";
    return { mode };
  };
  bridge.onsizechange = ({ height }) => {
    if (height && frame.className !== "fullscreen") frame.style.height = `${height}px`;
  };
  const initialized = new Promise((resolve) => (bridge.oninitialized = resolve));
  const ready = new Promise((resolve) => (bridge.onsandboxready = resolve));
  document.querySelector("#app").append(frame);
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  frame.src = sandbox;
  await ready;
  await bridge.sendSandboxResourceReady({ html });
  await initialized;
  await bridge.sendToolInput({ arguments: input });
  await bridge.sendToolResult(result);
  window.bridge = bridge;
};

window.changeContext = (context) => {
  document.body.className = context.theme ?? document.body.className;
  window.bridge.setHostContext(context);
};
