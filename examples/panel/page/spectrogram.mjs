// A scrolling picture of the sound: time from left to right, frequency upwards, one column of pixels per step.

const seconds = 20;
const highest = 8000;
/** Decibels of the darkest and the brightest colour. */
const range = [-100, -30];

/** From the picture's background over blue and orange to white: lightness rises all the way, so it reads without colour. */
const stops = [
  [10, 14, 20],
  [28, 40, 92],
  [42, 98, 170],
  [60, 170, 170],
  [240, 190, 90],
  [255, 250, 235],
];

const palette = Uint8ClampedArray.from({ length: 256 * 4 }, (_, i) => {
  const at = ((i >> 2) / 255) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const channel = i & 3;
  return channel === 3
    ? 255
    : stops[low][channel] + (stops[low + 1][channel] - stops[low][channel]) * (at - low);
});

export function createSpectrogram(canvas) {
  const context = canvas.getContext("2d", { alpha: false });
  let column;
  let bins;
  let analyser;
  let drawn = 0;
  let started = 0;

  function fit() {
    const ratio = Math.min(2, devicePixelRatio);
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (!width || (canvas.width === width && canvas.height === height)) return;
    const before =
      canvas.width > 0 && column ? context.getImageData(0, 0, canvas.width, canvas.height) : undefined;
    const old = before && new OffscreenCanvas(before.width, before.height);
    old?.getContext("2d").putImageData(before, 0, 0);
    canvas.width = width;
    canvas.height = height;
    column = context.createImageData(1, height);
    clear();
    if (old) context.drawImage(old, 0, 0, width, height);
    if (analyser) drawn = dueColumns();
  }
  const dueColumns = () => Math.floor(((performance.now() - started) / 1000) * (canvas.width / seconds));
  function clear() {
    context.fillStyle = "#0a0e14";
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  new ResizeObserver(fit).observe(canvas);
  fit();

  function paint(at) {
    const top = Math.min(bins.length, Math.round((bins.length * 2 * highest) / analyser.context.sampleRate));
    const { height, data } = column;
    for (let y = 0; y < height; y++) {
      const bin = Math.floor(((height - 1 - y) / height) * top);
      const level = (bins[bin] - range[0]) / (range[1] - range[0]);
      const color = 4 * Math.max(0, Math.min(255, Math.round(255 * level)));
      data.set(palette.subarray(color, color + 4), 4 * y);
    }
    context.putImageData(column, at, 0);
  }

  return {
    /** Shows what passes through an AnalyserNode from now on. */
    attach(node) {
      analyser = node;
      bins = new Float32Array(node.frequencyBinCount);
      started = performance.now();
      drawn = 0;
    },
    detach() {
      analyser = undefined;
    },
    clear,
    /** Moves the picture on to now; called once per frame. */
    draw() {
      if (!analyser || !column) return;
      const due = dueColumns();
      // A hidden page gets no frames; what was missed stays dark.
      const steps = Math.min(canvas.width, due - drawn);
      if (steps <= 0) return;
      drawn = due;
      context.drawImage(canvas, -steps, 0);
      analyser.getFloatFrequencyData(bins);
      for (let i = 1; i <= steps; i++) paint(canvas.width - i);
    },
    /** A word where the picture is now. */
    mark(text) {
      const ratio = canvas.width / canvas.clientWidth;
      context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
      const width = context.measureText(text).width + 12 * ratio;
      context.fillStyle = "rgb(255 255 255 / 0.92)";
      context.fillRect(canvas.width - 2 * ratio, 0, 2 * ratio, canvas.height);
      context.fillRect(canvas.width - width, 0, width, 22 * ratio);
      context.fillStyle = "#10161d";
      context.fillText(text, canvas.width - width + 6 * ratio, 16 * ratio);
    },
  };
}
