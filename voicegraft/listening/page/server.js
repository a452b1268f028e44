// Requests to the server that served this page; its address holds the token.

export class Refused extends Error {
  constructor(status, content) {
    super(content.error);
    Object.assign(this, { status, content });
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(`api/${path}`, { credentials: "omit", ...options });
  } catch {
    throw new Refused(0, { error: "the server has ended: nothing was saved. Start it again" });
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let content = { error: text };
  try {
    content = JSON.parse(text);
  } catch { /* plain text */ }
  throw new Refused(answer.status, content);
}

export const read = async (path) => (await ask(path)).json();
export const sound = async (key) => (await ask(`clips/${key}/sound`)).blob();

export async function send(path, value) {
  const headers = { "Content-Type": "application/json" };
  return (await ask(path, { method: "POST", headers, body: JSON.stringify(value) })).json();
}

export async function sendSound(path, blob) {
  const headers = { "Content-Type": "audio/wav" };
  return (await ask(path, { method: "POST", headers, body: blob })).json();
}
