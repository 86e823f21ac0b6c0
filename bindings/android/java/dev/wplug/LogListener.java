package dev.wplug;

/** Gets each line that plugins write to their stderr, in order. It runs on the thread that runs the call: be quick. */
@FunctionalInterface
public interface LogListener {
    /**
     * @param plugin its name
     * @param id the last six digits of its id
     * @param isRemark it is not of the plugin, but a remark of the library's about it
     */
    void log(String plugin, String id, String line, boolean isRemark);
}
