// JSON as text: where it is wrong, and how to lay it out. The text is never rebuilt from values, so numbers
// keep the digits that were typed or answered.

export interface JsonProblem {
    offset: number;
    line: number;
    column: number;
    message: string;
}

class SyntaxFault extends Error {
    constructor(
        readonly offset: number,
        message: string,
    ) {
        super(message);
    }
}

// The grammar of RFC 8259. `value` calls `emit` for each token, so that one reader serves checking and
// layout.
class Reader {
    private at = 0;

    constructor(
        private readonly text: string,
        private readonly emit: (token: string, kind: 'open' | 'close' | 'comma' | 'colon' | 'atom') => void,
    ) {}

    document(): void {
        this.space();
        this.value(0);
        this.space();
        if (this.at < this.text.length) throw this.fault('there is more after the value');
    }

    private fault(message: string, offset = this.at): SyntaxFault {
        return new SyntaxFault(offset, message);
    }

    private space(): void {
        while (' \t\r\n'.includes(this.text[this.at] || 'x')) this.at++;
    }

    private value(depth: number): void {
        if (depth > 500) throw this.fault('nested too deeply');
        const c = this.text[this.at];
        if (c === '{') return this.members(depth, '}');
        if (c === '[') return this.members(depth, ']');
        if (c === '"') return this.string();
        if (c !== undefined && (c === '-' || (c >= '0' && c <= '9'))) return this.number();
        for (const word of ['true', 'false', 'null'])
            if (this.text.startsWith(word, this.at)) return this.atom(this.at + word.length);
        if (c === undefined || ',:}]'.includes(c)) throw this.fault('a value is missing');
        if (c === "'") throw this.fault('strings are written in double quotes');
        throw this.fault(`a value cannot begin with ${c}`);
    }

    private atom(end: number): void {
        this.emit(this.text.slice(this.at, end), 'atom');
        this.at = end;
    }

    private members(depth: number, close: '}' | ']'): void {
        this.emit(this.text[this.at++]!, 'open');
        this.space();
        let first = true;
        while (this.text[this.at] !== close) {
            if (!first) {
                if (this.text[this.at] !== ',') throw this.fault(`expected , or ${close}`);
                this.emit(',', 'comma');
                this.at++;
                this.space();
                if (this.text[this.at] === close) throw this.fault(`no comma before ${close}`);
            }
            first = false;
            if (close === '}') {
                if (this.text[this.at] !== '"') throw this.fault('expected a name in double quotes');
                this.string();
                this.space();
                if (this.text[this.at] !== ':') throw this.fault('expected : after the name');
                this.emit(':', 'colon');
                this.at++;
                this.space();
            }
            this.value(depth + 1);
            this.space();
        }
        this.at++;
        this.emit(close, 'close');
    }

    private string(): void {
        const start = this.at;
        let end = start + 1;
        for (;;) {
            const c = this.text[end];
            if (c === undefined || c === '\n') throw this.fault('the string has no end', start);
            if (c === '"') break;
            if (c < ' ') throw this.fault('control characters are written as \\u00XX', end);
            if (c === '\\') {
                const escape = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(this.text.slice(end, end + 6));
                if (!escape) throw this.fault('unknown escape', end);
                end += escape[0].length;
            } else {
                end++;
            }
        }
        this.atom(end + 1);
    }

    private number(): void {
        const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
        number.lastIndex = this.at;
        const found = number.exec(this.text);
        if (!found) throw this.fault('a digit is missing');
        const end = this.at + found[0].length;
        if (/[0-9.eE+-]/.test(this.text[end] ?? ' ')) throw this.fault('not a number', end);
        this.atom(end);
    }
}

/** The first thing that is wrong with a JSON text, or undefined where nothing is. */
export function checkJson(text: string): JsonProblem | undefined {
    try {
        new Reader(text, () => {}).document();
        return undefined;
    } catch (error) {
        if (!(error instanceof SyntaxFault)) throw error;
        const before = text.slice(0, error.offset);
        const line = before.split('\n').length;
        return {
            offset: error.offset,
            line,
            column: error.offset - before.lastIndexOf('\n'),
            message: error.message,
        };
    }
}

/** Lays a valid JSON text out, one member a line; what is empty, or short and without anything nested, stays on one. */
export function formatJson(text: string): string {
    const tokens: { token: string; kind: string }[] = [];
    new Reader(text, (token, kind) => tokens.push({ token, kind })).document();

    // The tokens that open something which fits on a line.
    const inline = new Set<number>();
    const open: { start: number; length: number; flat: boolean }[] = [];
    tokens.forEach(({ token, kind }, index) => {
        const top = open[open.length - 1];
        if (kind === 'open') {
            if (top) top.flat = false;
            open.push({ start: index, length: 0, flat: true });
        } else if (kind === 'close') {
            const closed = open.pop()!;
            const isShort = token === ']' ? closed.length <= 72 : open.length > 0 && closed.length <= 56;
            if (closed.flat && (index === closed.start + 1 || isShort)) inline.add(closed.start);
        } else if (top) {
            top.length += token.length + 1;
        }
    });

    let out = '';
    const inlined: boolean[] = [];
    const newline = () => '\n' + '  '.repeat(inlined.length);
    tokens.forEach(({ token, kind }, index) => {
        if (kind === 'open') {
            inlined.push(inline.has(index));
            out += token;
            if (!inline.has(index)) out += newline();
        } else if (kind === 'close') {
            if (!inlined.pop()) out += newline();
            out += token;
        } else if (kind === 'comma') {
            out += inlined[inlined.length - 1] ? ', ' : ',' + newline();
        } else {
            out += kind === 'colon' ? ': ' : token;
        }
    });
    return out;
}
