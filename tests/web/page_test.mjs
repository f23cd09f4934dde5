// The operator page against a real station with virtual boards, driven by a real headless Chromium.
import assert from "node:assert/strict";
import { spawn, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const root = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../..");
const bin = join(root, "build/bin");
const folder = mkdtempSync(join(tmpdir(), "flashline-page-"));
const shots = join(root, "build/results");
let station, browser, page, port;

function sh(command, ...args) {
  return execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** A 48 MiB GPT image with a FAT partition, signed by nobody: the station below allows that. */
function makeImage() {
  writeFileSync(join(folder, "esp.img"), "");
  truncateSync(join(folder, "esp.img"), 40 << 20);
  sh("mkfs.fat", "-n", "ESP", "esp.img");
  sh("dd", "if=/dev/urandom", "of=noise", "bs=1M", "count=30", "status=none");
  sh("mcopy", "-i", "esp.img", "noise", "::/noise");
  writeFileSync(join(folder, "disk.img"), "");
  truncateSync(join(folder, "disk.img"), 48 << 20);
  sh("sgdisk", "-n", "1:2048:+40M", "-t", "1:EF00", "-c", "1:ESP", "disk.img");
  sh("dd", "if=esp.img", "of=disk.img", "bs=1M", "seek=1", "conv=notrunc", "status=none");
  sh(join(bin, "flashline"), "image", "import", "disk.img", "image.ffu", "--platform", "Flashline.Page.Test.1", "--allow-unsigned");
  for (const name of ["esp.img", "noise", "disk.img"]) rmSync(join(folder, name));
}

function writeConfiguration(listenPort) {
  const board = (n, extra) =>
    `<slot name="${n}" row="${n === 3 || n === 4 ? 2 : 1}" column="${n === 5 ? 3 : n % 2 ? 1 : 2}"><virtual path="board-${n}.img" size="48MiB" ${extra}/></slot>`;
  writeFileSync(join(folder, "station.xml"), `<?xml version="1.0" encoding="UTF-8"?>
<station name="page test" mode="test">
  <paths state="state" cache="cache" logs="logs" images="."/>
  <listen port="${listenPort}" socket="flashlined.sock"/>
  <trust allow-unsigned="true"/>
  <slots stale="discard-verified" attempts="1">
    ${board(1, 'rate="30MB/s"')}${board(2, 'rate="30MB/s"')}${board(3, 'rate="30MB/s" fail-write="3"')}${board(4, 'rate="12MB/s"')}${board(5, "")}
  </slots>
</station>`);
  writeFileSync(join(folder, "recipe.xml"), `<?xml version="1.0" encoding="UTF-8"?>
<recipe name="page">
  <identity><serial pattern="PG-{n:4}" first="1"/><mac first="02:00:5E:00:00:00" last="02:00:5E:00:00:FF" count="1"/></identity>
  <overlay><file partition="ESP" path="/id.txt">\${serial}</file></overlay>
</recipe>`);
}

const sys = join(folder, "machine/sys");
const controller = join(sys, "devices/pci0000:00/0000:00:14.0");

/** A machine as /sys would show it. */
function makeMachine() {
  for (const inner of [join(controller, "usb1"), join(sys, "bus/usb/devices"), join(sys, "bus/pci"), join(sys, "class/block")]) mkdirSync(inner, { recursive: true });
  writeFileSync(join(controller, "usb1/speed"), "480\n");
  symlinkSync(join(sys, "bus/pci"), join(controller, "subsystem"));
}

/** A board comes to a USB port of it. */
function plug(port) {
  const device = join(controller, `usb1/1-${port}`);
  mkdirSync(device);
  const facts = { busnum: 1, devpath: port, devnum: 5 + port, bDeviceClass: "00", idVendor: "0a5c", idProduct: 2711, manufacturer: "Broadcom", product: "BCM2711 Boot", speed: 480 };
  for (const [name, value] of Object.entries(facts)) writeFileSync(join(device, name), `${value}\n`);
  symlinkSync(device, join(sys, `bus/usb/devices/1-${port}`));
}

/** What the station left when three boards had failed in a slot, before it was started again. */
function quarantine(slot, evidence) {
  mkdirSync(join(folder, "state/quarantine"), { recursive: true });
  writeFileSync(join(folder, "state/quarantine", `${slot}.json`), JSON.stringify({ summary: evidence }));
}

function startStation() {
  return new Promise((done, failed) => {
    station = spawn(join(bin, "flashlined"), ["--config", join(folder, "station.xml"), "--machine", join(folder, "machine")], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    station.stdout.on("data", (text) => {
      said += text;
      const address = said.match(/http:\/\/127\.0\.0\.1:(\d+)/);
      if (address) done(Number(address[1]));
    });
    station.once("exit", (code) => failed(new Error(`flashlined ended with ${code}`)));
  });
}

function stopStation(signal = "SIGTERM") {
  return new Promise((done) => {
    station.removeAllListeners("exit");
    station.once("exit", done);
    station.kill(signal);
  });
}

/** Asks until the answer is true. Not waitForFunction: that needs eval, which the page's policy rightly forbids. */
async function until(question, patience = 60_000) {
  for (const end = Date.now() + patience; Date.now() < end; ) {
    if (await question()) return;
    await new Promise((again) => setTimeout(again, 50));
  }
  assert.fail(`still not true: ${question}`);
}

const passedCount = () => page.locator("#batch-passed").textContent();
const tile = (n) => page.locator(`#slot-${n}`);
const stateIs = (n, state, timeout = 60_000) => page.locator(`#slot-${n}[data-state="${state}"]`).waitFor({ timeout });

before(async () => {
  makeImage();
  makeMachine();
  plug(2);
  quarantine("5", "3 boards failed here one after the other: PG-0901 (FL-DEV-002 write 7 failed); PG-0902 (FL-DEV-002 write 3 failed); PG-0903 (FL-DEV-007 LBA 2048 differs)");
  writeConfiguration(0);
  port = await startStation();
  writeConfiguration(port);
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  page = await browser.newPage({ viewport: { width: 1280, height: 800 }, hasTouch: true });
  page.on("pageerror", (error) => { throw error; });
  await page.goto(`http://127.0.0.1:${port}/`);
});

after(async () => {
  await browser?.close();
  await stopStation();
  rmSync(folder, { recursive: true, force: true });
});

test("a tile a slot stands in its rack position, with state in word, colour and shape", async () => {
  await page.locator("#link[data-state=live]").waitFor();
  assert.equal(await page.locator(".tile").count(), 5);
  const [one, two, three] = await Promise.all([1, 2, 3].map((n) => tile(n).boundingBox()));
  assert.ok(two.x > one.x && two.y === one.y, "slot 2 is right of slot 1");
  assert.ok(three.y > one.y && three.x === one.x, "slot 3 is below slot 1");
  const word = await tile(1).locator(".word").textContent();
  assert.equal(await tile(1).locator("use").getAttribute("href"), `#shape-${word}`);
  assert.equal(await page.locator("#mode").textContent(), "test");
});

test("what is on a port of no slot is shown, and leaves the list when it is unplugged", async () => {
  await page.locator("#strangers:not([hidden])").waitFor();
  assert.match(await page.locator("#stranger-list").textContent(), /pci-0000:00:14.0\/2.*BCM2711 Boot/);
  rmSync(join(folder, "machine/sys/bus/usb/devices/1-2"));
  await page.locator("#strangers").waitFor({ state: "hidden" });
});

test("a slot in quarantine shows its evidence, and takes boards again once it was looked at", async () => {
  await stateIs(5, "quarantined");
  assert.match(await tile(5).locator(".advice").textContent(), /FL-\w{3}-\d{3}.*3 boards failed.*PG-0903/);
  await page.screenshot({ path: join(shots, "page-quarantined.png") });
  await tile(5).locator(".top").tap();
  assert.match(await page.locator("#detail-body").textContent(), /PG-0901/);
  await page.locator("#detail button").tap();
  await tile(5).locator("button[data-action=release]").tap();
  await page.locator("#slot-5:not([data-state=quarantined])").waitFor();
  assert.equal(existsSync(join(folder, "state/quarantine/5.json")), false);
});

test("a batch is started, tiles move, progress is live", async () => {
  await page.locator("#new-image").selectOption({ label: "image.ffu" });
  await page.locator("#new-recipe").fill("recipe.xml");
  await page.locator("#new-quantity").fill("5");
  await page.locator("#batch-new button[type=submit]").tap();
  await stateIs(4, "writing");
  const width = () => tile(4).locator(".bar i").evaluate((bar) => parseFloat(bar.style.width));
  const first = await width();
  await until(async () => (await width()) > first);
  assert.match(await tile(4).locator(".speed").textContent(), /\d+\.\d MB\/s/);
  await page.screenshot({ path: join(shots, "page-writing.png") });
});

test("a failed slot says what to do, and is retried", async () => {
  await stateIs(3, "failed");
  const advice = await tile(3).locator(".advice").textContent();
  assert.match(advice, /FL-DEV-\d{3}/);
  assert.ok((await tile(3).locator(".advice b").textContent()).length > 10, "the advice is a sentence");
  await page.screenshot({ path: join(shots, "page-failed.png") });
  await tile(3).locator("button[data-action=retry]").tap();
  await stateIs(3, "passed");
});

test("every finger target is at least 48 pixels high and nothing runs off the screen", async () => {
  for (const button of await page.locator("button:visible, input:visible, select:visible").all()) {
    const box = await button.boundingBox();
    if (!(await button.evaluate((node) => node.classList.contains("top")))) assert.ok(box.height >= 48, await button.innerText());
    assert.ok(box.x >= 0 && box.x + box.width <= 1280);
  }
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 1280));
});

test("the count reaches the batch's quantity and the boards differ", async () => {
  for (const n of [1, 2, 3, 4, 5]) await stateIs(n, "passed");
  await until(async () => (await passedCount()) === "5");
  const serials = await page.locator(".tile .serial").allTextContents();
  assert.equal(new Set(serials).size, 5);
  for (const [index, serial] of serials.entries()) {
    assert.equal(sh("mtype", "-i", `board-${index + 1}.img@@1M`, "::/id.txt"), serial);
  }
  await page.screenshot({ path: join(shots, "page-done.png") });
});

test("a tapped tile tells the unit's story", async () => {
  await page.locator(".tile .top").first().tap();
  await page.locator("#detail[open]").waitFor();
  assert.match(await page.locator("#detail-body").textContent(), /PG-\d{4}/);
  await page.locator("#detail button").tap();
});

test("the page survives a daemon restart", async () => {
  await stopStation("SIGKILL");
  await page.locator("#link[data-state=lost]").waitFor();
  await startStation();
  await page.locator("#link[data-state=live]").waitFor({ timeout: 15_000 });
  assert.equal(await page.locator(".tile").count(), 5);
  await until(async () => (await passedCount()) === "5");
});

test("slots are learned by plugging in, and nothing is written before it is said", async () => {
  const before = readFileSync(join(folder, "station.xml"), "utf8");
  const prompt = page.locator("#learn-prompt");
  await page.locator("#learn-open").tap();
  assert.equal(await page.locator("#learn-slots").inputValue(), "5");
  await page.screenshot({ path: join(shots, "page-learn-begin.png") });
  await page.locator("#learn-slots").fill("6");
  await page.locator("#learn-begin button[type=submit]").tap();
  for (const n of [1, 2, 3, 4, 5]) {
    await prompt.filter({ hasText: `into slot ${n} ` }).waitFor();
    await page.locator("#learn-skip").tap();
  }
  await prompt.filter({ hasText: "into slot 6 (row 2, column 3)" }).waitFor();
  await page.screenshot({ path: join(shots, "page-learn-asking.png") });
  plug(3);
  await page.locator("#learn-write").waitFor();
  assert.match(await page.locator("#learn-said").textContent(), /Slot 6 is pci-0000:00:14.0\/3/);
  assert.equal(await page.locator("#learn-map .found").innerText(), "6\npci-0000:00:14.0/3");
  await page.screenshot({ path: join(shots, "page-learn-map.png") });

  const [sheet] = await Promise.all([page.context().waitForEvent("page"), page.locator("#learn-sheet").tap()]);
  await sheet.waitForLoadState();
  assert.match(await sheet.locator(".slot", { hasText: "row 2, column 3" }).innerText(), /6\n[^]*pci-0000:00:14.0\/3/);
  assert.equal(await sheet.locator(".rack").evaluate((rack) => getComputedStyle(rack).display), "grid", "its style holds");
  await sheet.close();

  assert.equal(readFileSync(join(folder, "station.xml"), "utf8"), before);
  await page.locator("#learn-write").tap();
  await prompt.filter({ hasText: "Written." }).waitFor();
  assert.match(readFileSync(join(folder, "station.xml"), "utf8"), /<slot name="6"[^]*path="pci-0000:00:14.0\/3" board="Card"/);
  await page.locator("#learn-work .learn-close").tap();
  await stopStation();
  await startStation();
  await page.locator("#slot-6").waitFor();
  assert.equal(await page.locator(".tile").count(), 6);
});

test("learning that is called off writes nothing, and a page that is loaded anew goes on where it was", async () => {
  const before = readFileSync(join(folder, "station.xml"), "utf8");
  await page.locator("#learn-open").tap();
  await page.locator("#learn-begin button[type=submit]").tap();
  await page.locator("#learn-skip").tap();
  await page.reload();
  await page.locator("#learn-open").tap();
  await page.locator("#learn-prompt", { hasText: "into slot 2 " }).waitFor();
  await page.locator("#learn-back").tap();
  await page.locator("#learn-prompt", { hasText: "into slot 1 " }).waitFor();
  await page.locator("#learn-cancel").tap();
  await page.locator("#learn-begin").waitFor();
  await page.locator("#learn-begin .learn-close").tap();
  assert.equal(readFileSync(join(folder, "station.xml"), "utf8"), before);
});
