// SPDX-License-Identifier: MIT
// A person with a browser: opens a page in headless Chromium, logs in there as a person does, and looks at where that
// leads.
//
//   node browser.mjs CHROMIUM URL SECONDS [NAME [BUTTON [PICTURE]]]
//
// Types NAME into the page's field, and presses the button that is called BUTTON. Prints {"status":...,"text":...} of
// the page to which that leads. Without a button, that is the first page. A file PICTURE gets what the page looks like.
// The browser's profile is in a temporary folder. If this script is killed, Chromium ends too, because its pipe does.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [chromium, url, seconds, name, button, picture] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'tokenkeep-browser-'));
const browser = spawn(chromium, [
    '--headless', '--remote-debugging-pipe', `--user-data-dir=${profile}`, '--no-first-run', '--disable-gpu',
    '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--disable-extensions', '--no-proxy-server', '--password-store=basic',
    '--no-sandbox', // as root, and in many containers, Chromium starts only so; the pages are the test's own
], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });

// Asks Chromium to end, so that its other processes do, too.
function end(code) {
    const leave = () => {
        rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
        process.exit(code);
    };
    if (!browser.pid || browser.exitCode !== null) return leave();
    setTimeout(() => browser.kill('SIGKILL'), 5000);
    browser.once('exit', leave);
    return call('Browser.close');
}

function fail(sentence) {
    process.stderr.write(`${sentence}\n`);
    end(1);
}

setTimeout(() => fail('the browser is not ready in time'), Number(seconds) * 1000);
browser.once('error', () => fail('the browser does not start'));

// The DevTools protocol over the pipe: JSON messages, each with a zero byte behind it.
const waiting = new Map();
const listeners = new Set();
let unread = '';
browser.stdio[4].setEncoding('utf8').on('data', (text) => {
    const messages = (unread + text).split('\0');
    unread = messages.pop();
    for (const message of messages.map(JSON.parse)) {
        if (message.id) waiting.get(message.id)(message);
        else for (const listener of listeners) listener(message);
    }
});

let sent = 0;
async function call(method, params = {}, sessionId = undefined) {
    const id = ++sent;
    browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await new Promise((resolve) => { waiting.set(id, resolve); });
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
}

function event(test) {
    return new Promise((resolve) => {
        const listener = (message) => {
            if (!test(message)) return;
            listeners.delete(listener);
            resolve(message.params);
        };
        listeners.add(listener);
    });
}

async function run() {
    const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
    const page = (method, params) => call(method, params, sessionId);
    await page('Page.enable');
    await page('Network.enable');
    let status;
    listeners.add(({ method, params }) => {
        if (method === 'Network.responseReceived' && params.type === 'Document') status = params.response.status;
    });
    const loaded = async (act) => {
        const done = event(({ method }) => method === 'Page.loadEventFired');
        await act();
        await done;
    };
    const evaluate = async (expression) =>
        (await page('Runtime.evaluate', { expression, returnByValue: true })).result.value;
    // Presses what is there on the screen, with the mouse.
    const press = async (selector, text) => {
        const place = await evaluate(`(() => {
            const found = [...document.querySelectorAll(${JSON.stringify(selector)})]
                .find((each) => each.textContent.trim() === ${JSON.stringify(text)});
            const box = found?.getBoundingClientRect();
            return box && { x: box.x + box.width / 2, y: box.y + box.height / 2 };
        })()`);
        if (!place) throw new Error(`the page has no ${selector} "${text}"`);
        for (const type of ['mousePressed', 'mouseReleased'])
            await page('Input.dispatchMouseEvent', { type, ...place, button: 'left', clickCount: 1 });
    };

    await loaded(() => page('Page.navigate', { url }));
    if (button) {
        // Chromium drops what is pressed before a page has been painted; a person tries again.
        do await press('input', '');
        while (!(await evaluate("document.activeElement.matches('input')")));
        await page('Input.insertText', { text: name });
        await loaded(() => press('button', button));
    }
    if (picture) {
        const { data } = await page('Page.captureScreenshot');
        writeFileSync(picture, Buffer.from(data, 'base64'));
    }
    process.stdout.write(`${JSON.stringify({ status, text: await evaluate('document.body.innerText') })}\n`);
}

run().then(() => end(0), (error) => fail(error.message));
