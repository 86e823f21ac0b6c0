package dev.wplug;

import java.util.UUID;

/** How a plugin is loaded and run; {@code wplug_plugin_options} of {@code wplug.h} tells more. */
public final class PluginOptions {
    /** Whether calls start from a snapshot. */
    public enum Snapshot {
        /** No call can tell the difference. */
        AUTO,
        NEVER,
        /** Also where randomness and times that the plugin saw before are then the same in all calls. */
        ALWAYS
    }

    static final PluginOptions NONE = new PluginOptions();
    static final int ASYNC_GUEST = 1, TRAP_UNKNOWN_IMPORTS = 2, DETERMINISTIC = 4;

    String name;
    UUID id;
    String[] args, env, allow;
    int flags;
    long seed, startTimeNanos, maxModuleBytes;
    Limits limits;
    Snapshot snapshot = Snapshot.AUTO;

    /** For logs and messages. */
    public PluginOptions name(String name) {
        this.name = name;
        return this;
    }

    /** A random one, where none is set. */
    public PluginOptions id(UUID id) {
        this.id = id;
        return this;
    }

    public PluginOptions args(String... args) {
        this.args = args.clone();
        return this;
    }

    /** Each "NAME=value". */
    public PluginOptions env(String... env) {
        this.env = env.clone();
        return this;
    }

    /** The host methods that the plugin may see; without this it may see all of them. */
    public PluginOptions allow(String... methods) {
        this.allow = methods.clone();
        return this;
    }

    /** A read of an empty stdin does not wait: for guests built on an async runtime. */
    public PluginOptions asyncGuest() {
        flags |= ASYNC_GUEST;
        return this;
    }

    /** Imports that nobody provides trap when they are called, and are no error before. */
    public PluginOptions trapUnknownImports() {
        flags |= TRAP_UNKNOWN_IMPORTS;
        return this;
    }

    /** Runs can be repeated bit for bit. */
    public PluginOptions deterministic(long seed, long startTimeNanos) {
        flags |= DETERMINISTIC;
        this.seed = seed;
        this.startTimeNanos = startTimeNanos;
        return this;
    }

    public PluginOptions maxModuleBytes(long bytes) {
        this.maxModuleBytes = bytes;
        return this;
    }

    /** Of each call that names none of its own. */
    public PluginOptions limits(Limits limits) {
        this.limits = limits;
        return this;
    }

    public PluginOptions snapshot(Snapshot snapshot) {
        this.snapshot = snapshot;
        return this;
    }
}
