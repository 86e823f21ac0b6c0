// The part of JSON Schema that method descriptions use: what is wrong with a value, in sentences. Keywords
// that are not known are passed over, so a description can only help.

export interface Schema {
    type?: string | string[];
    enum?: unknown[];
    const?: unknown;
    minimum?: number;
    maximum?: number;
    minLength?: number;
    maxLength?: number;
    properties?: Record<string, Schema>;
    required?: string[];
    items?: Schema;
    minItems?: number;
    maxItems?: number;
    anyOf?: Schema[];
    oneOf?: Schema[];
    default?: unknown;
    examples?: unknown[];
}

function hasType(value: unknown, type: string): boolean {
    switch (type) {
        case 'null':
            return value === null;
        case 'array':
            return Array.isArray(value);
        case 'object':
            return typeof value === 'object' && value !== null && !Array.isArray(value);
        case 'integer':
            return typeof value === 'number' && Number.isInteger(value);
        case 'number':
        case 'string':
        case 'boolean':
            return typeof value === type;
        default:
            return true;
    }
}

const equal = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** The problems of `value`, which is called `path` in them. */
export function checkValue(schema: Schema, value: unknown, path: string): string[] {
    const problems: string[] = [];
    const types = schema.type === undefined ? [] : [schema.type].flat();
    if (types.length > 0 && !types.some((type) => hasType(value, type)))
        return [`${path} should be of type ${types.join(' or ')}`];
    if (schema.const !== undefined && !equal(schema.const, value))
        problems.push(`${path} should be ${JSON.stringify(schema.const)}`);
    if (schema.enum && !schema.enum.some((one) => equal(one, value)))
        problems.push(`${path} should be one of ${schema.enum.map((one) => JSON.stringify(one)).join(', ')}`);
    if (typeof value === 'number') {
        if (schema.minimum !== undefined && value < schema.minimum)
            problems.push(`${path} should be at least ${schema.minimum}`);
        if (schema.maximum !== undefined && value > schema.maximum)
            problems.push(`${path} should be at most ${schema.maximum}`);
    }
    if (typeof value === 'string') {
        const length = [...value].length;
        if (schema.minLength !== undefined && length < schema.minLength)
            problems.push(`${path} should have at least ${schema.minLength} characters`);
        if (schema.maxLength !== undefined && length > schema.maxLength)
            problems.push(`${path} should have at most ${schema.maxLength} characters`);
        // Patterns are not tried: they come from the plugin, and one that backtracks could hold the page up.
    }
    if (Array.isArray(value)) {
        if (schema.minItems !== undefined && value.length < schema.minItems)
            problems.push(`${path} should have at least ${schema.minItems} items`);
        if (schema.maxItems !== undefined && value.length > schema.maxItems)
            problems.push(`${path} should have at most ${schema.maxItems} items`);
        const items = schema.items;
        if (items) value.forEach((item, i) => problems.push(...checkValue(items, item, `${path}[${i}]`)));
    } else if (typeof value === 'object' && value !== null) {
        const members = value as Record<string, unknown>;
        for (const name of schema.required ?? [])
            if (!Object.hasOwn(members, name)) problems.push(`${path}.${name} is required`);
        for (const [name, member] of Object.entries(schema.properties ?? {}))
            if (Object.hasOwn(members, name))
                problems.push(...checkValue(member, members[name], `${path}.${name}`));
    }
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices && choices.length > 0 && !choices.some((one) => checkValue(one, value, path).length === 0))
        problems.push(`${path} matches none of its alternatives`);
    return problems;
}

/** A schema in a few words: `integer, 0 to 7`. */
export function describeSchema(schema: Schema): string {
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
    let text = schema.type === undefined ? 'any' : [schema.type].flat().join(' or ');
    if (schema.items?.type) text += ` of ${[schema.items.type].flat().join(' or ')}`;
    const { minimum, maximum } = schema;
    if (minimum !== undefined && maximum !== undefined) text += `, ${minimum} to ${maximum}`;
    else if (minimum !== undefined) text += `, at least ${minimum}`;
    else if (maximum !== undefined) text += `, at most ${maximum}`;
    return text;
}

/** Something to begin with where a value of this schema is wanted. */
export function sampleValue(schema: Schema): unknown {
    if (schema.default !== undefined) return schema.default;
    if (schema.examples?.length) return schema.examples[0];
    if (schema.const !== undefined) return schema.const;
    if (schema.enum?.length) return schema.enum[0];
    switch ([schema.type].flat()[0]) {
        case 'integer':
        case 'number':
            return schema.minimum ?? 0;
        case 'boolean':
            return false;
        case 'array':
            return [];
        case 'object':
            return Object.fromEntries(
                (schema.required ?? []).map((name) => [name, sampleValue(schema.properties?.[name] ?? {})]),
            );
        case 'string':
            return '';
        default:
            return null;
    }
}
