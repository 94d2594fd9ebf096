"use strict";
// Sends a picture or its address to /predict and shows the classes and where the time went.

const MAX_BYTES = 3500000; // base64 makes it a third larger, and Lambda takes 6 MB
const MAX_SIDE = 2048;
const PARTS = [
  ["fetch", "fetching the picture"],
  ["queue", "waiting in the queue"],
  ["decode", "decoding"],
  ["model", "the model"],
  ["other", "function and endpoint"],
  ["way", "the way there and back"],
];
const element = (id) => document.getElementById(id);

async function ask(request, preview) {
  busy(true);
  const started = performance.now();
  try {
    const body = JSON.stringify({ ...request, top_k: 5 });
    const response = await fetch("predict", {
      method: "POST",
      headers: { "Content-Type": "application/json", "x-amz-content-sha256": await sha256(body) },
      body,
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(refusal(response, answer));
    show(answer, preview, performance.now() - started);
  } catch (error) {
    element("message").textContent = error.message;
    element("result").hidden = true;
  } finally {
    busy(false);
  }
}

function refusal(response, answer) {
  const wait = response.headers.get("Retry-After");
  const said = answer.message || answer.error || `the answer is ${response.status}`;
  return wait && !said.includes("try again") ? `${said}; try again in ${wait} s` : said;
}

// CloudFront, where it signs for a browser, wants to be told the body's hash.
async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function askFile(file) {
  if (!file) return;
  try {
    const small = file.size > MAX_BYTES ? await shrunk(file) : file;
    await ask({ image: await dataUrl(small) }, URL.createObjectURL(file));
  } catch {
    element("message").textContent = `${file.name || "the file"} cannot be read as a picture`;
  }
}

async function shrunk(file) {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, MAX_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
}

function dataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

function show(answer, preview, milliseconds) {
  const [best] = answer.predictions;
  element("message").textContent = "";
  element("picture").src = preview;
  element("best").textContent = best ? `${best.class_name}, ${percent(best.probability)}` : "no class";
  element("classes").replaceChildren(...answer.predictions.map(classRow));
  const model = answer.model || {};
  element("model").textContent = `Answered by ${model.training_job_name || "an unnamed model"}; request ${answer.request_id}`;
  showSplit(answer.latency_ms || {}, milliseconds);
  element("result").hidden = false;
}

function classRow(prediction) {
  const row = document.createElement("li");
  row.className = "class";
  const name = document.createElement("span");
  name.textContent = prediction.class_name;
  const number = document.createElement("span");
  number.className = "number";
  number.textContent = percent(prediction.probability);
  const track = document.createElement("div");
  track.className = "track";
  const bar = document.createElement("div");
  bar.className = "bar";
  bar.style.width = `${100 * prediction.probability}%`;
  track.append(bar);
  row.append(name, number, track);
  return row;
}

function showSplit(latency, milliseconds) {
  const known = (name) => latency[name] || 0;
  const inside = known("fetch") + known("queue") + known("decode") + known("model");
  const total = Math.max(milliseconds, known("total"));
  const parts = { ...latency, other: Math.max(0, known("total") - inside), way: Math.max(0, total - known("total")) };
  const shown = PARTS.filter(([name]) => parts[name] > 0 || (name === "queue" && name in parts));
  element("total").textContent = `(${total.toFixed(0)} ms)`;
  element("split").replaceChildren(...shown.map(([name]) => piece(name, parts[name] / total)));
  element("legend").replaceChildren(...shown.map(([name, words]) => legendEntry(name, words, parts[name])));
  const spoken = shown.map(([name, words]) => `${words} ${parts[name].toFixed(1)} ms`).join(", ");
  element("split").setAttribute("aria-label", spoken);
}

function piece(name, share) {
  const part = document.createElement("div");
  part.className = `part-${name}`;
  part.style.width = `${100 * share}%`;
  return part;
}

function legendEntry(name, words, milliseconds) {
  const entry = document.createElement("span");
  const mark = document.createElement("i");
  mark.className = `part-${name}`;
  const text = document.createElement("span");
  text.textContent = `${words} ${milliseconds.toFixed(1)} ms`;
  entry.append(mark, text);
  return entry;
}

const percent = (probability) => `${(100 * probability).toFixed(1)} %`;

function busy(is) {
  element("ask").disabled = is;
  element("result").setAttribute("aria-busy", String(is));
}

element("file").addEventListener("change", (event) => askFile(event.target.files[0]));
element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const url = element("url").value.trim();
  ask({ url }, url);
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  element("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    element("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") askFile(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", (event) => askFile(event.clipboardData.files[0]));

// The stack beside the picture: a tab each, read when it is looked at; the runs again while they are.
const REFRESH_MS = 5000;
let shown = "";
let timer = 0;

async function openStack() {
  const response = await fetch("stack/").catch(() => null);
  const names = response && response.ok ? await response.json() : [];
  if (!names.length) return; // a page without a stack behind it
  element("tabs").replaceChildren(...names.map(tab));
  element("stack").hidden = false;
  await showPanel(names[0]);
}

function tab(name) {
  const button = document.createElement("button");
  button.type = "button";
  button.id = `tab-${name}`;
  button.textContent = name[0].toUpperCase() + name.slice(1);
  button.setAttribute("role", "tab");
  button.setAttribute("aria-controls", "panel");
  button.addEventListener("click", () => showPanel(name));
  return button;
}

async function showPanel(name) {
  clearTimeout(timer);
  shown = name;
  for (const button of element("tabs").children) {
    button.setAttribute("aria-selected", String(button.id === `tab-${name}`));
  }
  element("panel").setAttribute("aria-labelledby", `tab-${name}`);
  element("panel").setAttribute("aria-busy", "true");
  try {
    const response = await fetch(`stack/${name}`);
    const answer = await response.json();
    if (shown !== name) return; // another was chosen meanwhile
    if (response.ok) fill(answer);
    else fill({ columns: [], rows: [], note: answer.message });
  } catch {
    fill({ columns: [], rows: [], note: "deploy.py page does not answer; is it still running?" });
  } finally {
    if (shown === name) element("panel").setAttribute("aria-busy", "false");
  }
  if (shown === "runs" && name === "runs") timer = setTimeout(() => showPanel("runs"), REFRESH_MS);
}

function fill(panel) {
  element("columns").replaceChildren(...(panel.columns.length ? [line(panel.columns, "th")] : []));
  element("rows").replaceChildren(...panel.rows.map((cells) => line(cells, "td")));
  element("note").textContent = panel.note;
}

function line(cells, kind) {
  const row = document.createElement("tr");
  for (const text of cells) {
    const cell = document.createElement(kind);
    if (kind === "th") cell.scope = "col";
    cell.textContent = text;
    row.append(cell);
  }
  return row;
}

openStack();
