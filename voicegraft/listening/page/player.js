// A clip's sound and its waveform.

const RATES = [1, 0.75, 0.5];
const STEP_SECONDS = 1;
const sheets = matchMedia("(prefers-color-scheme: dark)");

export class Player {
  constructor({ canvas, time, play, rate, loop }, load) {
    Object.assign(this, { canvas, time, play, rate, loop, load });
    this.audio = new Audio();
    this.audio.preservesPitch = true;
    this.peaks = [];
    this.seconds = 0;
    this.opened = 0;
    for (const event of ["play", "pause", "ended"]) {
      this.audio.addEventListener(event, () => this.drawn());
    }
    this.audio.addEventListener("seeked", () => this.draw());
    this.canvas.addEventListener("pointerdown", (event) => this.seekTo(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
    sheets.addEventListener("change", () => this.draw());
  }

  // Load a clip; of two that are asked for in haste, the later one is played.
  async open(key, playing) {
    const turn = ++this.opened;
    this.audio.pause();
    [this.peaks, this.seconds] = [[], 0];
    this.draw();
    const [shape, sound] = await this.load(key);
    if (turn !== this.opened) return;
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(sound);
    this.audio.src = this.address;
    this.audio.playbackRate = RATES[this.speed ?? 0];
    [this.peaks, this.seconds] = [shape.peaks, shape.seconds];
    this.draw();
    if (playing) await this.start();
  }

  async start() {
    try {
      await this.audio.play();
    } catch { /* the browser waits for a first key or click, or another clip came */ }
  }

  toggle() {
    if (this.audio.paused) this.start();
    else this.audio.pause();
  }

  step(direction) {
    const wanted = this.audio.currentTime + direction * STEP_SECONDS;
    this.audio.currentTime = Math.min(Math.max(0, wanted), this.seconds);
    this.draw();
  }

  slower() {
    this.speed = ((this.speed ?? 0) + 1) % RATES.length;
    this.audio.playbackRate = this.audio.defaultPlaybackRate = RATES[this.speed];
    this.rate.textContent = RATES[this.speed];
  }

  repeat() {
    this.audio.loop = !this.audio.loop;
    this.loop.setAttribute("aria-pressed", this.audio.loop);
  }

  seekTo(event) {
    const box = this.canvas.getBoundingClientRect();
    this.audio.currentTime = ((event.clientX - box.left) / box.width) * this.seconds;
    this.draw();
  }

  drawn() {
    this.play.textContent = this.audio.paused ? "Play" : "Pause";
    this.draw();
    if (!this.audio.paused) requestAnimationFrame(() => this.drawn());
  }

  draw() {
    const { canvas, peaks, seconds } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const pen = canvas.getContext("2d");
    const colour = (name) => getComputedStyle(canvas).getPropertyValue(name);
    const passed = seconds ? this.audio.currentTime / seconds : 0;
    pen.clearRect(0, 0, width, height);
    const [heard, ahead] = [colour("--accent"), colour("--faint")];
    peaks.forEach((peak, index) => {
      const tall = Math.max(ratio, (peak / 100) * height);
      const place = index / peaks.length;
      pen.fillStyle = place < passed ? heard : ahead;
      pen.fillRect(place * width, (height - tall) / 2, width / peaks.length, tall);
    });
    pen.fillStyle = colour("--bad");
    if (seconds) pen.fillRect(passed * width - ratio, 0, 2 * ratio, height);
    const now = Math.min(this.audio.currentTime, seconds).toFixed(1);
    this.time.textContent = seconds ? `${now} of ${seconds.toFixed(1)} s` : "";
    canvas.setAttribute("aria-valuemax", seconds.toFixed(1));
    canvas.setAttribute("aria-valuenow", now);
  }
}
