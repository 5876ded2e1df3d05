// What was heard: the newest in large letters, all in a list, and aloud for a screen reader.

const kept = 100;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function createDetections($) {
  let count = 0;
  const samples = new Float32Array(1024);

  function clear() {
    count = 0;
    $("list").replaceChildren();
    $("count").textContent = "0";
    $("nothing").hidden = false;
    $("word").textContent = "–";
    $("word").dataset.empty = "";
    $("when").textContent = "Nothing yet";
  }

  return {
    clear,
    add({ label, score }) {
      const percent = `${Math.round(100 * score)} %`;
      const now = clock.format(new Date());
      count++;
      $("count").textContent = String(count);
      $("nothing").hidden = true;
      const word = $("word");
      word.textContent = label;
      delete word.dataset.empty;
      word.classList.remove("fresh");
      // Reading a measure makes the animation start again.
      word.offsetWidth;
      word.classList.add("fresh");
      $("when").textContent = `${now}, ${percent}`;
      $("live").textContent = `${label}, ${percent}`;
      const item = document.createElement("li");
      const name = document.createElement("b");
      name.textContent = label;
      const sureness = document.createElement("span");
      sureness.textContent = percent;
      const time = document.createElement("span");
      time.textContent = now;
      item.append(name, sureness, time);
      $("list").prepend(item);
      while ($("list").children.length > kept) $("list").lastChild.remove();
    },
    /** Of an AnalyserNode, or decibels. */
    showLoudness(from) {
      let decibels = from;
      if (typeof from !== "number") {
        from.getFloatTimeDomainData(samples);
        let sum = 1e-10;
        for (const sample of samples) sum += sample * sample;
        decibels = 10 * Math.log10(sum / samples.length);
      }
      $("meter").value = Math.max(0, Math.min(1, (decibels + 60) / 60));
    },
  };
}
