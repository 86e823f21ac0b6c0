// What a call ended with: its JSON laid out, a picture where it is one, or what went wrong and where.

import { ExitError, LimitError, RpcError, WplugError, type CallStats } from 'wplug';
import { find, formatBytes, formatCount, formatTime, make } from './dom';
import { formatJson } from './json';

// Longer results are shown in part: laying out megabytes would hold the page up.
const laidOut = 200_000;

export interface ResultView {
    showResult(json: string, spent: CallStats | undefined, wallMs: number): void;
    showError(error: unknown, spent: CallStats | undefined, wallMs: number): void;
    clear(): void;
}

function spentFacts(spent: CallStats | undefined, wallMs: number): HTMLElement {
    const facts: [string, string][] = [['time', formatTime(wallMs)]];
    if (spent) {
        facts.push(['fuel', formatCount(spent.fuel)]);
        facts.push(['memory', formatBytes(spent.memoryBytes)]);
    }
    return make(
        'dl',
        { class: 'facts columns' },
        ...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))),
    );
}

// A string that is SVG is shown as an image, in which scripts do not run, and text of several lines as text.
function picture(json: string): HTMLElement | undefined {
    if (!json.startsWith('"') || json.length > 4_000_000) return undefined;
    const text = JSON.parse(json) as string;
    if (/^\s*(<\?xml[^>]*>\s*)?<svg[\s>]/.test(text))
        return make('img', {
            class: 'picture',
            alt: 'The result as a picture',
            src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`,
        });
    if (text.includes('\n'))
        return make(
            'pre',
            {
                class: `plain ${/[█▀▄]/.test(text) ? 'blocks' : ''}`,
                tabindex: 0,
                'aria-label': 'The result as text',
            },
            text,
        );
    return undefined;
}

const names: Record<string, string> = {
    RpcError: 'The plugin answered with an error',
    TrapError: 'The plugin trapped',
    LimitError: 'A limit was reached',
    CancelledError: 'Stopped',
    TimeoutError: 'Out of time',
    LoadError: 'Not a plugin that can be loaded',
    ExitError: 'The plugin ended without an answer',
    ProtocolError: 'The plugin does not speak JSON-RPC',
};

/** An error as a block of its own. */
export function errorBlock(error: unknown): HTMLElement {
    const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
    const block = make(
        'div',
        { class: name === 'CancelledError' ? 'outcome stopped' : 'outcome failed' },
        make('p', { class: 'outcome-name' }, names[name] ?? 'It failed'),
        make('p', { class: 'outcome-message' }, message),
    );
    const facts: [string, string][] = [];
    if (error instanceof RpcError) facts.push(['code', String(error.code)]);
    if (error instanceof LimitError) facts.push(['limit', String(error.limit)]);
    if (error instanceof ExitError) facts.push(['exit code', String(error.exitCode)]);
    if (error instanceof WplugError) facts.push(['status', error.status]);
    if (facts.length > 0)
        block.append(
            make(
                'dl',
                { class: 'facts columns' },
                ...facts.map(([key, value]) => make('div', {}, make('dt', {}, key), make('dd', {}, value))),
            ),
        );
    if (error instanceof RpcError && error.data !== undefined)
        block.append(
            make(
                'pre',
                { class: 'code', tabindex: 0, 'aria-label': 'Data of the error' },
                formatJson(JSON.stringify(error.data)),
            ),
        );
    if (error instanceof WplugError && error.backtrace !== '')
        block.append(
            make(
                'pre',
                { class: 'code backtrace', tabindex: 0, 'aria-label': 'Where it happened' },
                error.backtrace.replace(/^ +/gm, ''),
            ),
        );
    return block;
}

export function createResultView(): ResultView {
    const place = find('result');
    const copy = find<HTMLButtonElement>('copy');
    let json = '';

    copy.addEventListener('click', async () => {
        await navigator.clipboard.writeText(json);
        copy.textContent = 'Copied';
        setTimeout(() => (copy.textContent = 'Copy'), 1200);
    });

    return {
        showResult(text, spent, wallMs) {
            json = text;
            copy.hidden = false;
            const shown = text.length > laidOut ? `${text.slice(0, laidOut)}…` : formatJson(text);
            const image = picture(text);
            const source = make(
                'pre',
                { class: 'code json', tabindex: 0, 'aria-label': 'The result as JSON' },
                shown,
            );
            place.replaceChildren(
                ...(image ? [image, make('details', {}, make('summary', {}, 'As JSON'), source)] : [source]),
                text.length > laidOut
                    ? make(
                          'p',
                          { class: 'note' },
                          `The first ${formatBytes(laidOut)} of ${formatBytes(text.length)}`,
                      )
                    : '',
                spentFacts(spent, wallMs),
            );
        },
        showError(error, spent, wallMs) {
            copy.hidden = true;
            place.replaceChildren(errorBlock(error), spentFacts(spent, wallMs));
        },
        clear() {
            copy.hidden = true;
            place.replaceChildren();
        },
    };
}
