"use strict";

// A plot is drawn when it comes into sight: one in a closed <details> has no width before.
const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    const spec = JSON.parse(target.querySelector("script").textContent);
    // `ast` interprets expressions: the page's policy forbids eval.
    vegaEmbed(target.querySelector(".plot"), spec, { renderer: "svg", actions: false, ast: true });
  }
});
document.querySelectorAll("figure").forEach((figure) => sight.observe(figure));

const table = document.querySelector("table.clips");
if (table) {
  const body = table.tBodies[0];
  const filters = document.querySelector("form.filters");

  const shown = ({ dataset }, { text, ...exact }) =>
    dataset.text.includes(text.normalize("NFC").toLowerCase().trim()) &&
    Object.entries(exact).every(([key, value]) => !value || dataset[key] === value);

  const filter = () => {
    const wanted = Object.fromEntries(new FormData(filters));
    let count = 0;
    for (const row of body.rows) {
      row.hidden = !shown(row, wanted);
      count += !row.hidden;
    }
    filters.querySelector("output").value = `${count} of ${body.rows.length}`;
  };

  const compare = (key, numbers) => (one, other) => {
    const [a, b] = [one.dataset[key], other.dataset[key]];
    return numbers ? a - b : a.localeCompare(b);
  };

  const sort = (button) => {
    const header = button.closest("th");
    const descending = header.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th[aria-sort]").forEach((th) => th.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const rows = [...body.rows].sort(compare(button.name, header.classList.contains("number")));
    body.append(...(descending ? rows.reverse() : rows));
  };

  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  table.tHead.addEventListener("click", ({ target }) => target.name && sort(target));
  filter();

  // The sound of a clip is kept once, whichever models are shown on it.
  const recordings = JSON.parse(document.getElementById("recordings").textContent);
  const addresses = {};
  const address = (clip) =>
    (addresses[clip] ??= URL.createObjectURL(
      new Blob([Uint8Array.from(atob(recordings[clip]), (c) => c.charCodeAt(0))], { type: "audio/mpeg" }),
    ));
  const players = [...table.querySelectorAll("audio")];
  players.forEach((player) => (player.src = address(player.dataset.clip)));
  table.addEventListener(
    "play",
    ({ target }) => players.forEach((player) => player !== target && player.pause()),
    true, // "play" does not bubble
  );
}
