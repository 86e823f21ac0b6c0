package dev.wplug;

import java.util.UUID;

/**
 * A WebAssembly module that was decoded and validated, with the options that it runs with. It never changes and is for any
 * thread. Calls that run keep what they need of it, so it may be closed meanwhile.
 */
public final class Plugin extends Handle implements AutoCloseable {
    private final String name;
    private final UUID id;

    private Plugin(long pointer) {
        super("plugin");
        own(pointer);
        name = Text.fromNative(Native.pluginName(pointer));
        id = Text.idFromNative(Native.pluginId(pointer));
    }

    /** @throws LoadException where the bytes are no plugin; its status and message say why */
    public static Plugin load(byte[] module) {
        return load(module, PluginOptions.NONE);
    }

    public static Plugin load(byte[] module, PluginOptions options) {
        if (module == null) throw new NullPointerException("module");
        long pointer = Native.pluginLoad(module, Text.toNative(options.name, "the plugin's name"), Text.toNative(options.id),
                Text.toNative(options.args, "an argument"), Text.toNative(options.env, "a variable"),
                Text.toNative(options.allow, "a method's name"), options.flags, options.seed, options.startTimeNanos,
                options.maxModuleBytes, options.snapshot.ordinal(), options.limits == null ? null : options.limits.values);
        return new Plugin(pointer);
    }

    public String name() {
        return name;
    }

    public UUID id() {
        return id;
    }

    /** Harmless where it is closed already. */
    @Override
    public void close() {
        markClosed();
    }

    @Override
    void free(long pointer) {
        Native.pluginRelease(pointer);
    }
}
