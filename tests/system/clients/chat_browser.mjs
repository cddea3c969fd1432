// Two tabs of a real browser on the chat's page: node chat_browser.mjs URL
//
// Prints what it does, one line each. After the line "restart the gateway"
// it waits until the pages lost their connections and got them back.
// GATEWIRE_SCREENSHOTS names a folder that gets pictures of the page.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const url = process.argv[2];
const pictures = process.env.GATEWIRE_SCREENSHOTS;
const WAIT_MS = 20_000;
const DESKTOP = { width: 1180, height: 800 };
const PHONE = { width: 390, height: 844 };

const profile = mkdtempSync(join(tmpdir(), "gatewire-chromium-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  viewport: DESKTOP,
  reducedMotion: "reduce",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
    "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
browser.setDefaultTimeout(WAIT_MS);

const step = (text) => console.log(text);
const complaints = [];

async function tab() {
  const page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (line) => {
    // A socket that fails while the gateway is away is part of the test.
    if (line.type() === "error" && !line.text().startsWith("WebSocket connection"))
      complaints.push(line.text());
  });
  await page.goto(url);
  return page;
}

async function enter(page, name, room = "lobby") {
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Room", { exact: true }).fill(room);
  await page.getByRole("button", { name: "Join" }).click();
  await page.locator("#composer").waitFor();
}

async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

const message = (page, text) =>
  page.locator("#log .message").filter({ hasText: text });
const note = (page, text) => page.locator("#log .note").filter({ hasText: text });
const state = (page, name) => page.locator(`#pill[data-state=${name}]`).waitFor();
const people = (page, count) =>
  page.waitForFunction(
    (n) => document.querySelectorAll("#people li").length === n, count);

async function fitsWidth(page) {
  const [wide, view] = await page.evaluate(() =>
    [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= view, `${wide} pixels in a window of ${view}`);
}

async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) });
  }
  await page.emulateMedia({ colorScheme: "light" });
}

try {
  step("both join the lobby");
  const ada = await tab();
  await state(ada, "open");
  await picture(ada, "chat-door");
  await enter(ada, "Ada");
  const bo = await tab();
  await bo.getByRole("button", { name: "lobby" }).waitFor();
  await enter(bo, "Bo");
  await note(ada, "Bo joined").waitFor();
  await people(ada, 2);
  await people(bo, 2);

  step("messages go both ways");
  await say(ada, "Hello Bo, can you read this?");
  await message(bo, "Hello Bo").getByText("Ada", { exact: true }).waitFor();
  await say(bo, "Every word.");
  await message(ada, "Every word.").waitFor();
  assert.equal(await ada.locator("#log .own").count(), 1);
  assert.equal(await ada.locator("#log .message:not(.own)").count(), 1);

  step("what people write is text");
  await say(bo, '<img src=x onerror="alert(1)"><b>bold</b>');
  await message(ada, '<img src=x onerror="alert(1)"><b>bold</b>').waitFor();
  assert.equal(await ada.locator("#log img, #log b").count(), 0);

  step("typing is seen, and stops");
  await bo.getByLabel("Message", { exact: true }).pressSequentially("Wait, I");
  await ada.getByText("Bo is typing").waitFor();
  await picture(ada, "chat-desktop");
  await bo.getByLabel("Message", { exact: true }).fill("");
  await ada.getByText("Bo is typing").waitFor({ state: "hidden" });

  step("a program pushes to one connection");
  const id = await ada.locator("#connection-id").textContent();
  const endpoint = await ada.locator("#endpoint").textContent();
  const base = endpoint.replace(/^ws/, "http").replace(/\/$/, "");
  const pushed = await fetch(`${base}/@connections/${id}`,
    { method: "POST", body: "Hello from outside" });
  assert.equal(pushed.status, 200);
  await note(ada, "Hello from outside").waitFor();
  assert.equal(await note(bo, "Hello from outside").count(), 0);

  step("rooms keep apart");
  await bo.getByLabel("Another room").fill("garden");
  await bo.keyboard.press("Enter");
  await note(ada, "Bo left").waitFor();
  await say(ada, "Only the lobby hears this");
  await message(ada, "Only the lobby").waitFor();
  await bo.locator("#rooms").getByRole("button", { name: "lobby" }).click();
  await message(bo, "Only the lobby").waitFor(); // the room's history
  await people(ada, 2);

  step("a phone shows all of it");
  await ada.setViewportSize(PHONE);
  await fitsWidth(ada);
  await say(ada, "w".repeat(300));
  await fitsWidth(ada);
  await picture(ada, "chat-phone");
  await ada.getByRole("button", { name: "Rooms and people" }).click();
  await ada.locator("#people").getByText("Bo").waitFor();
  await fitsWidth(ada);
  await picture(ada, "chat-phone-side");
  await ada.keyboard.press("Escape");
  await ada.setViewportSize(DESKTOP);

  step("a page survives its gateway");
  await bo.getByLabel("Message", { exact: true }).fill("half a thought");
  const dropped = Promise.all([ada, bo].map((page) =>
    page.locator("#pill:not([data-state=open])").waitFor()));
  step("restart the gateway");
  await dropped;
  await say(ada, "Said while nobody was there");
  await Promise.all([state(ada, "open"), state(bo, "open")]);
  await people(ada, 2);
  await people(bo, 2);
  await message(bo, "Said while nobody was there").waitFor();
  assert.equal(await message(bo, "Said while nobody was there").count(), 1);
  const draft = bo.getByLabel("Message", { exact: true });
  assert.equal(await draft.inputValue(), "half a thought");
  await draft.press("Enter");
  await message(ada, "half a thought").waitFor();

  step("a reload comes back by itself");
  await bo.reload();
  await message(bo, "half a thought").waitFor();
  await people(ada, 2);

  step("a duplicated tab is a second member");
  const memory = await ada.evaluate(() => ({ ...sessionStorage }));
  const copy = await browser.newPage();
  await copy.addInitScript((kept) => {
    if (!sessionStorage.length) Object.assign(sessionStorage, kept);
  }, memory);
  await copy.goto(url);
  await people(copy, 3);
  await people(ada, 3);
  await say(ada, "I am the first of us");
  await message(copy, "the first of us").waitFor();
  await copy.close();
  await people(ada, 2);

  step("leaving is seen, by the button and by the closed tab");
  const goodbyes = await note(ada, "Bo left").count();
  await bo.getByRole("button", { name: "Leave" }).click();
  await people(ada, 1);
  await note(ada, "Bo left").nth(goodbyes).waitFor();
  await bo.setViewportSize(PHONE);
  await fitsWidth(bo);
  await picture(bo, "chat-door-phone");
  await enter(bo, "Bo");
  await people(ada, 2);
  await bo.close();
  await people(ada, 1);
  await note(ada, "Bo left").nth(goodbyes + 1).waitFor();

  assert.deepEqual(complaints, []);
  step("all well");
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
