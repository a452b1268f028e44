// The microphone: its level, and a WAV of 16 bits.

// What browsers do to speech for telephony would be learnt as if it were the voice.
const AS_IT_IS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const LONGEST_SECONDS = 120;

export class Microphone {
  constructor(onLevel, onFull) {
    Object.assign(this, { onLevel, onFull, blocks: null });
  }

  async start() {
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS });
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("microphone-worklet.js");
    const tap = new AudioWorkletNode(this.context, "tap");
    this.blocks = [];
    tap.port.onmessage = ({ data }) => this.take(data);
    this.context.createMediaStreamSource(this.stream).connect(tap);
  }

  take(block) {
    if (!this.blocks) return;
    this.blocks.push(block);
    const power = block.reduce((sum, sample) => sum + sample * sample, 0) / block.length;
    this.onLevel(Math.max(-60, 10 * Math.log10(power + 1e-12)));
    const length = this.blocks.length * block.length;
    if (length > LONGEST_SECONDS * this.context.sampleRate) this.onFull();
  }

  // Return the recording; the microphone is let go of.
  async stop() {
    const [blocks, rate] = [this.blocks, this.context.sampleRate];
    this.blocks = null;
    this.stream.getTracks().forEach((track) => track.stop());
    await this.context.close();
    this.onLevel(-60);
    return asWav(blocks, rate);
  }
}

// https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html
function asWav(blocks, rate) {
  const samples = blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * samples));
  const word = (place, text) => [...text].forEach((c, i) => view.setUint8(place + i, c.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, 2 * samples, true);
  let place = 44;
  for (const block of blocks) {
    for (const sample of block) {
      view.setInt16(place, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true);
      place += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}
