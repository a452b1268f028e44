// Which words of the model differ from the text, as one types. Case and punctuation do not count.

// Letters of a language that is written without spaces are compared one by one, marks with them.
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const LONGEST = 400; // units; more would take seconds at each key

function units(text, spaced) {
  if (spaced) return text.split(/\s+/u).filter(Boolean);
  return [...graphemes.segment(text)].map((part) => part.segment);
}

function plain(unit) {
  const bare = unit.normalize("NFC").toLowerCase().replace(/[\p{P}\p{S}]/gu, "");
  return bare || unit;
}

// Return [{kind: "same" | "wrong" | "lacking", text}] in the order of the model's text.
export function differences(text, written) {
  const spaced = /\s/u.test(text.trim()) || /\s/u.test(written.trim());
  const between = spaced ? " " : "";
  const [ours, theirs] = [units(text, spaced), units(written, spaced)];
  if (ours.length > LONGEST || theirs.length > LONGEST || !text.trim()) {
    return { between, parts: theirs.map((unit) => ({ kind: "same", text: unit })) };
  }
  return { between, parts: walk(ours, theirs) };
}

// The longest common subsequence, by the table of lengths of the common part of what is left.
function walk(ours, theirs) {
  const [a, b] = [ours.map(plain), theirs.map(plain)];
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1
        : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const parts = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      parts.push({ kind: "same", text: theirs[j] });
      [i, j] = [i + 1, j + 1];
    } else if (j < b.length && (i === a.length || common[i][j + 1] >= common[i + 1][j])) {
      parts.push({ kind: "wrong", text: theirs[j++] });
    } else {
      parts.push({ kind: "lacking", text: ours[i++] });
    }
  }
  return parts;
}

// Show the model's text in `place`: elements, never markup, for a text may be anybody's.
export function show(place, text, written) {
  const { between, parts } = differences(text, written);
  const tags = { same: "span", wrong: "mark", lacking: "del" };
  const nodes = parts.flatMap((part, index) => {
    const node = document.createElement(tags[part.kind]);
    node.textContent = part.text;
    return index ? [between, node] : [node];
  });
  place.replaceChildren(...nodes);
}
