// The params editor: a text area that says where its JSON is wrong and how it differs from the method's
// description.

import { find, make } from './dom';
import { checkJson, formatJson } from './json';
import { checkParams, sampleParams, type Method } from './openrpc';
import { describeSchema, sampleValue } from './schema';

export interface Editor {
    /** Shows a method; `params` where there is something better to begin with than what its description gives. */
    show(method: Method | undefined, params?: unknown): void;
    /** The params as they were typed, or undefined where they are not JSON; empty is null. */
    text(): string | undefined;
}

export function createEditor(onChange: () => void): Editor {
    const area = find<HTMLTextAreaElement>('params');
    const problem = find('params-problem');
    const hints = find('hints');
    const format = find<HTMLButtonElement>('format');
    let method: Method | undefined;

    function resize(): void {
        area.rows = Math.min(18, Math.max(3, area.value.split('\n').length + 1));
    }

    function check(): void {
        resize();
        problem.replaceChildren();
        area.removeAttribute('aria-invalid');
        problem.classList.remove('hard');
        const text = area.value.trim() || 'null';
        const fault = checkJson(text === 'null' ? text : area.value);
        format.disabled = fault !== undefined;
        if (fault) {
            area.setAttribute('aria-invalid', 'true');
            problem.classList.add('hard');
            problem.append(
                make(
                    'button',
                    {
                        type: 'button',
                        class: 'link',
                        click: () => {
                            area.focus();
                            area.setSelectionRange(fault.offset, fault.offset + 1);
                        },
                    },
                    `Line ${fault.line}, column ${fault.column}`,
                ),
                `: ${fault.message}`,
            );
        } else if (method) {
            const problems = checkParams(method, JSON.parse(text));
            if (problems.length > 0)
                problem.append(make('ul', {}, ...problems.slice(0, 8).map((one) => make('li', {}, one))));
        }
        onChange();
    }

    function set(value: unknown): void {
        area.value = value === null ? '' : formatJson(JSON.stringify(value));
        check();
    }

    // Puts a parameter that is not there yet into the object that is.
    function insert(name: string): void {
        let params: unknown;
        try {
            params = JSON.parse(area.value.trim() || '{}');
        } catch {
            return;
        }
        if (typeof params !== 'object' || params === null || Array.isArray(params)) return;
        const param = method?.params.find((one) => one.name === name);
        if (!param || Object.hasOwn(params, name)) return;
        set({ ...params, [name]: sampleValue(param.schema) });
        area.focus();
    }

    function showHints(): void {
        hints.replaceChildren();
        if (!method || method.params.length === 0) return;
        const rows = method.params.map((param) =>
            make(
                'li',
                {},
                make(
                    'button',
                    {
                        type: 'button',
                        class: 'link code',
                        'aria-label': `Insert parameter ${param.name}`,
                        click: () => insert(param.name),
                    },
                    param.name,
                ),
                make(
                    'span',
                    { class: 'type' },
                    describeSchema(param.schema),
                    param.required ? '' : ', optional',
                ),
                param.description && make('span', { class: 'note' }, param.description),
            ),
        );
        hints.append(make('ul', { class: 'hints', 'aria-label': 'Parameters' }, ...rows));
    }

    area.addEventListener('input', check);
    format.addEventListener('click', () => {
        if (area.value.trim()) area.value = formatJson(area.value);
        check();
    });

    return {
        show(shown, params) {
            method = shown;
            area.placeholder = method?.params.length === 0 ? 'none' : 'JSON; nothing is null';
            showHints();
            set(params !== undefined ? params : method ? sampleParams(method) : null);
        },
        text() {
            const text = area.value.trim() || 'null';
            return checkJson(text) ? undefined : text;
        },
    };
}
