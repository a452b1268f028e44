// The page: a list of clips, one of them open, and what is done to it.

import { show } from "./marks.js";
import { Player } from "./player.js";
import { Recorder } from "./recorder.js";
import { read, send, sound } from "./server.js";

const $ = (id) => document.getElementById(id);
const POLL_MILLISECONDS = 2000;
const state = { clips: [], at: -1 };

const player = new Player(
  { canvas: $("wave"), time: $("time"), play: $("play"), rate: $("rate"), loop: $("loop") },
  (key) => Promise.all([read(`clips/${key}/peaks`), sound(key)]),
);

function say(text) {
  $("status").textContent = text;
}

export function complain(error) {
  $("alert").textContent = error ? error.message : "";
  $("alert").hidden = !error;
}

async function attempt(action) {
  try {
    complain(null);
    return await action();
  } catch (error) {
    complain(error);
    return undefined;
  }
}

const current = () => state.clips[state.at];
const changed = () => current() && ($("text").value !== $("text").dataset.saved
  || $("speaker").value !== $("speaker").dataset.saved);

// The list

async function refresh(order) {
  const found = await read(order ? `clips?order=${order}` : "clips");
  const open = current()?.key;
  Object.assign(state, found);
  state.at = state.clips.findIndex((clip) => clip.key === open);
  $("folder").textContent = found.folder;
  $("text").lang = $("written").lang = $("prompt").lang = found.language;
  fill($("order"), found.orders, { worst: "the worst", uncertain: "the most uncertain", given: "as given" });
  $("order").value = found.order;
  fill($("form"), found.formats);
  list();
  if (found.waiting) setTimeout(() => attempt(poll), POLL_MILLISECONDS);
}

// Take what the model has written meanwhile; the list is put in order once it has written all.
async function poll() {
  const found = await read("clips?order=given");
  const written = new Map(found.clips.map((clip) => [clip.key, clip]));
  for (const clip of state.clips) {
    const now = written.get(clip.key);
    if (now) [clip.written, clip.certainty] = [now.written, now.certainty];
  }
  [state.waiting, state.trouble] = [found.waiting, found.trouble];
  fill($("order"), found.orders, { worst: "the worst", uncertain: "the most uncertain", given: "as given" });
  count();
  compare();
  if (found.waiting && !found.trouble) setTimeout(() => attempt(poll), POLL_MILLISECONDS);
  else if (!changed()) await refresh($("order").value);
}

function fill(select, names, words = {}) {
  const chosen = select.value;
  select.replaceChildren(...names.map((name) => new Option(words[name] ?? name, name)));
  if (names.includes(chosen)) select.value = chosen;
}

function item(clip, index) {
  const [line, button] = [document.createElement("li"), document.createElement("button")];
  const [text, name] = [document.createElement("bdi"), document.createElement("small")];
  text.textContent = clip.text || clip.written || "…";
  name.textContent = clip.name;
  button.append(text, name);
  button.addEventListener("click", () => attempt(() => open(index, true)));
  line.append(button);
  line.className = [clip.done && "done", clip.reject && "rejected"].filter(Boolean).join(" ");
  line.hidden = $("left").checked && clip.done && index !== state.at;
  if (index === state.at) button.setAttribute("aria-current", "true");
  return line;
}

function list() {
  $("clips").replaceChildren(...state.clips.map(item));
  inSight();
  const names = [...new Set(state.clips.map((clip) => clip.speaker).filter(Boolean))].sort();
  $("speakers").replaceChildren(...names.map((name) => new Option(name, name)));
  count();
}

function count() {
  const done = state.clips.filter((clip) => clip.done).length;
  $("bar").max = Math.max(1, state.clips.length);
  $("bar").value = done;
  $("count").textContent = `${done} of ${state.clips.length} done`;
  $("waiting").textContent = state.trouble || (state.waiting ? `· the model has ${state.waiting} to write` : "");
}

// One clip

async function open(index, playing) {
  const clip = state.clips[index];
  if (!clip) return;
  if (index !== state.at && changed() && !(await save())) return;
  const before = state.at;
  state.at = index;
  draw(before);
  draw(index);
  inSight();
  fields(clip);
  $("conflict").hidden = true;
  await player.open(clip.key, playing);
}

function draw(index) {
  $("clips").children[index]?.replaceWith(item(state.clips[index], index));
}

// Move the list alone: on a telephone the whole page would be moved.
function inSight() {
  const [all, line] = [$("clips"), $("clips").children[state.at]];
  if (!line) return;
  const top = line.offsetTop - all.offsetTop;
  if (top < all.scrollTop) all.scrollTop = top;
  const bottom = top + line.offsetHeight - all.clientHeight;
  if (bottom > all.scrollTop) all.scrollTop = bottom;
}

function fields(clip) {
  $("name").textContent = clip.name;
  $("text").value = clip.text || (clip.done ? "" : clip.written) || "";
  $("text").dataset.saved = $("text").value;
  $("speaker").value = $("speaker").dataset.saved = clip.speaker;
  $("badge").textContent = clip.reject ? `rejected: ${clip.reject}` : clip.done ? "done" : "";
  $("badge").className = clip.reject ? "rejected" : "done";
  $("reject").textContent = clip.reject ? "Take back in" : "Reject …";
  $("export-row").hidden = !clip.segment;
  compare();
}

function compare() {
  const clip = current();
  $("model").hidden = !clip || clip.written === null;
  if (!clip || clip.written === null) return;
  show($("written"), $("text").value, clip.written);
  $("certainty").textContent = clip.certainty === null ? "" : `(certainty ${clip.certainty.toFixed(2)})`;
}

// Save what differs from what was seen; true if the server has it.
async function save(changes = {}) {
  const clip = current();
  if (!clip) return true;
  const value = { revision: clip.revision, text: $("text").value, ...changes };
  if ($("speaker").value !== clip.speaker) value.speaker = $("speaker").value;
  try {
    complain(null);
    const found = await send(`clips/${clip.key}`, value);
    take(clip, found.clip);
    return true;
  } catch (error) {
    if (error.status === 409 && error.content.clip) conflict(error.content.clip);
    else complain(error);
    return false;
  }
}

function take(clip, found) {
  Object.assign(clip, found);
  const index = state.clips.indexOf(clip);
  draw(index);
  if (clip === current()) fields(clip);
  count();
  const speakers = [...$("speakers").children].map((option) => option.value);
  if (clip.speaker && !speakers.includes(clip.speaker)) {
    $("speakers").append(new Option(clip.speaker, clip.speaker));
  }
}

function conflict(theirs) {
  state.theirs = theirs;
  $("theirs").textContent = theirs.reject ? `(rejected: ${theirs.reject}) ${theirs.text}` : theirs.text;
  $("conflict").hidden = false;
  $("keep-mine").focus();
}

async function saveAndGoOn() {
  if (!(await save())) return;
  say(`saved: ${current().name}`);
  await next();
}

async function next() {
  const later = state.clips.findIndex((clip, index) => index > state.at && !clip.done);
  const left = later >= 0 ? later : state.clips.findIndex((clip) => !clip.done);
  if (left >= 0) await open(left, true);
  else say("every clip is done");
}

async function move(step) {
  let index = state.at + step;
  while ($("left").checked && state.clips[index]?.done) index += step;
  await open(index, true);
}

async function undo() {
  const { action, name } = await send("undo", {});
  await refresh($("order").value);
  const index = state.clips.findIndex((clip) => clip.name === name);
  if (index >= 0) {
    state.at = -1;
    await open(index, false);
    list();
  }
  say(`undone: ${action} ${name}`);
}

async function reject() {
  if (current()?.reject) {
    await save({ reject: "" });
    return;
  }
  $("reason").value = "";
  $("reject-dialog").showModal();
}

async function rejected() {
  const reason = $("reason").value.trim() || "no reason given";
  $("reject-dialog").close();
  if (await save({ reject: reason })) await next();
}

function takeModels() {
  if (current()?.written) $("text").value = current().written;
  compare();
}

// What is pressed

const recorder = new Recorder($, attempt, say, state, async (clip) => {
  state.clips.push(clip);
  list();
});

function turn(recording) {
  $("correct").hidden = recording;
  $("record").hidden = !recording;
  $("to-correct").setAttribute("aria-pressed", !recording);
  $("to-record").setAttribute("aria-pressed", recording);
  player.audio.pause();
  if (recording) recorder.open();
}

const keys = {
  " ": () => player.toggle(),
  ArrowLeft: () => player.step(-1),
  ArrowRight: () => player.step(1),
  ArrowUp: () => move(-1),
  ArrowDown: () => move(1),
  Enter: () => $("text").focus(),
  s: () => player.slower(),
  l: () => player.repeat(),
  t: takeModels,
  r: reject,
  n: () => $("speaker").focus(),
};
const always = {
  u: undo,
  m: () => turn($("record").hidden),
  "?": () => $("help").showModal(),
};

function pressed(event) {
  if (document.querySelector("dialog[open]") || event.altKey || event.metaKey || event.isComposing) return;
  const writes = event.target.matches("textarea, input:not([type=checkbox]), select");
  const here = $("record").hidden ? keys : recorder.keys;
  if (writes && !event.ctrlKey) {
    inField(event);
    return;
  }
  if (event.ctrlKey && ![" ", "ArrowUp", "ArrowDown"].includes(event.key)) return;
  if (event.target.matches("button, summary") && ["Enter", " "].includes(event.key)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = here[key] ?? always[key];
  if (!action) return;
  event.preventDefault();
  attempt(action);
}

function inField(event) {
  if (event.key === "Escape") {
    event.target.blur();
  } else if (event.key === "Enter" && !event.shiftKey && !event.target.matches("select")) {
    event.preventDefault();
    attempt($("record").hidden ? saveAndGoOn : () => recorder.enter());
  }
}

const clicks = {
  "to-correct": () => turn(false),
  "to-record": () => turn(true),
  "help-button": () => $("help").showModal(),
  "reject-no": () => $("reject-dialog").close(),
  "keep-mine": async () => {
    current().revision = state.theirs.revision;
    $("conflict").hidden = true;
    await saveAndGoOn();
  },
  "take-theirs": () => {
    take(current(), state.theirs);
    $("conflict").hidden = true;
  },
  export: async () => {
    const { file } = await send("export", { key: current().key, form: $("form").value });
    say(`written: ${file}`);
  },
  undo,
  play: () => player.toggle(),
  slow: () => player.slower(),
  loop: () => player.repeat(),
  take: takeModels,
  save: saveAndGoOn,
  reject,
};
for (const [id, action] of Object.entries(clicks)) {
  $(id).addEventListener("click", () => attempt(action));
}
document.addEventListener("keydown", pressed);
$("reject-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(rejected);
});
$("text").addEventListener("input", compare);
$("left").addEventListener("change", list);
$("order").addEventListener("change", () => attempt(() => refresh($("order").value)));
window.addEventListener("beforeunload", (event) => changed() && event.preventDefault());

await attempt(async () => {
  await refresh();
  const first = state.clips.findIndex((clip) => !clip.done);
  if (state.clips.length) await open(Math.max(0, first), false);
  else turn(true);
});
document.body.dataset.ready = "true";
