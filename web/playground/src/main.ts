// The page: which plugin is loaded, which method is shown, which calls run. The panels know nothing of each
// other.

import { Plugin } from 'wplug';
import { callOften, callOnce, FrameWatch, type Outcome } from './calls';
import { createChart } from './chart';
import { find, formatBytes, formatTime, make } from './dom';
import { createEditor } from './editor';
import { createHostMethods } from './host-methods';
import { formatJson } from './json';
import { createLimits } from './limits';
import { createLogView } from './log-view';
import { readDescription, type Description, type Method } from './openrpc';
import { createPluginPanel, type Source } from './plugin-panel';
import { createResultView, errorBlock } from './result-view';
import { createTabs } from './tabs';
import { startTheme } from './theme';
import { createTrafficView } from './traffic-view';

const form = find<HTMLFormElement>('call');
const methodInput = find<HTMLInputElement>('method');
const runButton = find<HTMLButtonElement>('run');
const repeatButton = find<HTMLButtonElement>('repeat');
const stopButton = find<HTMLButtonElement>('stop');
const progress = find('progress');
const methodList = find('methods');
const about = find('plugin-about');

startTheme();
const tabs = createTabs([
    { id: 'log', label: 'Log' },
    { id: 'messages', label: 'Messages' },
    { id: 'timings', label: 'Timings' },
    { id: 'host', label: 'Host' },
]);
const short = (count: number) => (count === 0 ? '' : count > 999 ? '999+' : String(count));
const log = createLogView((count) => tabs.badge('log', short(count)));
const traffic = createTrafficView((count) => tabs.badge('messages', short(count)));
const chart = createChart();
const result = createResultView();
const limits = createLimits();
let told = '';
const host = createHostMethods((text) => (told = text));
const editor = createEditor(() => updateButtons());

let plugin: Plugin | undefined;
let source: Source | undefined;
let description: Description | undefined;
let running: AbortController | undefined;
let loading = 0;

function updateButtons(): void {
    const ready = plugin !== undefined && running === undefined && methodInput.value.trim() !== '';
    runButton.disabled = repeatButton.disabled = !ready || editor.text() === undefined;
    stopButton.disabled = running === undefined;
    document.body.classList.toggle('running', running !== undefined);
}

// ---- Plugins ----

// What a plugin may spend on describing itself, for which the page waits.
const discoverLimits = { timeMs: 2000, logBytes: 64 * 1024 };

function showFacts(bytes: number): void {
    const facts: [string, string][] = [['size', formatBytes(bytes)]];
    if (plugin) facts.push(['id', String(plugin.id)]);
    about.replaceChildren(
        make(
            'p',
            { class: 'plugin-name' },
            make('b', {}, description?.title || source?.name),
            description?.version ? ` ${description.version}` : '',
        ),
        description?.about ? make('p', { class: 'note' }, description.about) : '',
        make(
            'dl',
            { class: 'facts' },
            ...facts.map(([name, value]) =>
                make('div', {}, make('dt', {}, name), make('dd', { class: 'code' }, value)),
            ),
        ),
    );
}

function showMethods(): void {
    if (!description) {
        methodList.replaceChildren(
            make(
                'p',
                { class: 'empty' },
                'This plugin does not describe itself (it has no rpc.discover): name its method yourself.',
            ),
        );
        return;
    }
    methodList.replaceChildren(
        make(
            'ul',
            {},
            ...description.methods.map((method) =>
                make(
                    'li',
                    {},
                    make(
                        'button',
                        { type: 'button', 'data-method': method.name, click: () => chooseMethod(method) },
                        make('b', { class: 'code' }, method.name),
                        method.summary && make('span', {}, method.summary),
                    ),
                ),
            ),
        ),
    );
}

const methodNamed = (name: string) => description?.methods.find((method) => method.name === name);

function showMethod(method: Method | undefined): void {
    find('method-summary').textContent = method ? method.description || method.summary : '';
    for (const button of methodList.querySelectorAll<HTMLButtonElement>('button[data-method]'))
        button.setAttribute('aria-pressed', String(button.dataset.method === methodInput.value.trim()));
    const sample = method && source?.example?.params[method.name];
    editor.show(method, sample);
}

function chooseMethod(method: Method): void {
    methodInput.value = method.name;
    showMethod(method);
}

async function openPlugin(next: Source): Promise<void> {
    const turn = ++loading;
    running?.abort();
    plugin?.dispose();
    plugin = undefined;
    description = undefined;
    source = next;
    find('inspect').hidden = true;
    methodList.replaceChildren();
    about.replaceChildren(make('p', { class: 'note' }, `Loading ${next.file} …`));
    result.clear();
    log.clear();
    traffic.clear();
    updateButtons();
    let loaded: Plugin | undefined;
    try {
        const bytes = await next.read();
        loaded = await Plugin.load(bytes, {
            name: next.name,
            methods: host.methods,
            onLog: (line) => log.add(line),
            onMessage: ({ toPlugin, text }) => traffic.add(toPlugin, text),
        });
        // A plugin that does not know rpc.discover is not described, and neither is one that fails at it or
        // takes long.
        const described = await loaded.describe({ limits: discoverLimits }).catch(() => null);
        if (turn !== loading) {
            loaded.dispose();
            return;
        }
        plugin = loaded;
        description = readDescription(described);
        host.wanted(description?.hostMethods ?? []);
        showFacts(bytes.byteLength);
        showMethods();
        find('inspect-text').textContent = formatJson(JSON.stringify(await loaded.inspect()));
        find('inspect').hidden = false;
        const first = description?.methods[0];
        if (first) {
            chooseMethod(first);
        } else {
            methodInput.value = '';
            showMethod(undefined);
        }
        // What came of asking for the description is not what the user called.
        log.clear();
        traffic.clear();
    } catch (error) {
        loaded?.dispose();
        if (turn === loading) about.replaceChildren(errorBlock(error));
    }
    updateButtons();
}

// ---- Calls ----

// Runs something that Stop can stop, with a line that says how long it takes and whether the page is alive.
async function run(work: (signal: AbortSignal) => Promise<Outcome | undefined>): Promise<void> {
    if (running) return;
    const controller = new AbortController();
    running = controller;
    told = '';
    traffic.begin();
    updateButtons();
    const started = performance.now();
    const line = (watch: FrameWatch, word: string) =>
        `${word} ${formatTime(performance.now() - started)}${told && ` · ${told}`} · longest frame ${formatTime(watch.longestMs)}`;
    const watch = new FrameWatch((now) => {
        // Not for calls that are over before anyone could read it.
        if (performance.now() - started > 150) progress.textContent = line(now, 'Running');
    });
    const outcome = await work(controller.signal);
    watch.stop();
    progress.textContent = performance.now() - started > 150 ? line(watch, 'Ran for') : '';
    running = undefined;
    updateButtons();
    if (!outcome) return;
    if (outcome.json !== undefined) result.showResult(outcome.json, outcome.spent, outcome.wallMs);
    else result.showError(outcome.error, outcome.spent, outcome.wallMs);
}

function once(signal: AbortSignal): Promise<Outcome> {
    return callOnce(plugin!, methodInput.value.trim(), editor.text()!, limits(), signal);
}

form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!runButton.disabled) void run(once);
});

repeatButton.addEventListener('click', () => {
    const whole = (id: string) => {
        const input = find<HTMLInputElement>(id);
        const value = Math.round(input.valueAsNumber);
        return Math.min(Number(input.max), Math.max(Number(input.min), value || 1));
    };
    const times = whole('times');
    const atOnce = whole('at-once');
    tabs.show('timings');
    chart.clear(`${source!.name}: ${methodInput.value.trim()}${atOnce > 1 ? `, ${atOnce} at once` : ''}`);
    void run(async (signal) => {
        const started = performance.now();
        const last = await callOften(
            () => once(signal),
            times,
            atOnce,
            signal,
            ({ wallMs, error }) => chart.add({ ms: wallMs, failed: error !== undefined }),
        );
        chart.finish(performance.now() - started);
        return last;
    });
});

stopButton.addEventListener('click', () => running?.abort());
addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && running) {
        event.preventDefault();
        running.abort();
    }
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        form.requestSubmit();
    }
});
methodInput.addEventListener('input', () => {
    showMethod(methodNamed(methodInput.value.trim()));
    updateButtons();
});

createPluginPanel((next) => void openPlugin(next)).choose('hello');
