// Sentences read into the microphone, one after the other.

import { Microphone } from "./microphone.js";
import { sendSound } from "./server.js";

export class Recorder {
  constructor($, attempt, say, state, kept) {
    Object.assign(this, { $, attempt, say, state, kept, at: -1, sound: null, busy: false });
    this.microphone = new Microphone(
      (level) => { $("level").value = level; },
      () => attempt(() => this.toggle()),
    );
    this.player = new Audio();
    this.keys = {
      " ": () => this.toggle(),
      Enter: () => this.enter(),
      ArrowUp: () => this.move(-1),
      ArrowDown: () => this.move(1),
      h: () => this.hear(),
      r: () => this.toggle(),
    };
    const clicks = {
      start: () => this.toggle(),
      hear: () => this.hear(),
      keep: () => this.keep(),
      "previous-prompt": () => this.move(-1),
      "next-prompt": () => this.move(1),
    };
    for (const [id, action] of Object.entries(clicks)) {
      $(id).addEventListener("click", () => attempt(action));
    }
  }

  open() {
    if (this.at < 0) this.move(1);
    this.$("start").focus();
  }

  // Go to a sentence; forwards to one that is not recorded yet.
  move(step) {
    const { prompts = [], prompted = [] } = this.state;
    let index = this.at + step;
    while (step > 0 && prompted.includes(prompts[index])) index += 1;
    if (prompts.length && !prompts[index]) {
      this.say(step > 0 ? "every sentence is recorded" : "this is the first sentence");
      return;
    }
    this.at = Math.max(0, index);
    this.$("prompt").value = prompts[index] ?? "";
    const place = prompts.length ? `Sentence ${index + 1} of ${prompts.length}` : "A sentence to read";
    this.$("prompt-place").textContent = place;
    this.drop();
  }

  drop() {
    this.sound = null;
    this.$("keep").disabled = this.$("hear").disabled = true;
    this.$("start").textContent = "Record";
  }

  async toggle() {
    if (this.busy) return;
    this.busy = true;
    try {
      if (this.microphone.blocks) await this.stop();
      else await this.start();
    } finally {
      this.busy = false;
    }
  }

  async start() {
    this.player.pause();
    try {
      await this.microphone.start();
    } catch (error) {
      throw new Error(`the microphone cannot be used: ${error.message}`);
    }
    this.drop();
    this.$("start").textContent = "Stop";
    this.$("start").focus();
    this.say("recording …");
  }

  async stop() {
    this.sound = await this.microphone.stop();
    this.$("start").textContent = "Record again";
    this.$("keep").disabled = this.$("hear").disabled = false;
    this.$("keep").focus();
    this.say("recorded: hear it, keep it, or record again");
  }

  hear() {
    if (!this.sound) return;
    if (this.player.src) URL.revokeObjectURL(this.player.src);
    this.player.src = URL.createObjectURL(this.sound);
    this.player.play();
  }

  // Enter keeps what is recorded; out of the sentence it leads to the button.
  async enter() {
    if (this.sound) await this.keep();
    else this.$("start").focus();
  }

  async keep() {
    if (!this.sound || this.busy) return;
    const text = this.$("prompt").value.trim();
    if (!text) throw new Error("there is no sentence: write what was said");
    this.busy = true;
    try {
      const said = new URLSearchParams({ text, speaker: this.$("own-speaker").value });
      const { clip } = await sendSound(`recordings?${said}`, this.sound);
      this.say(`kept: ${clip.name}`);
      const prompt = this.state.prompts?.[this.at];
      if (prompt) this.state.prompted.push(prompt);
      await this.kept(clip);
    } finally {
      this.busy = false;
    }
    this.player.pause();
    this.move(1);
    this.drop();
    this.$("start").focus();
  }
}
