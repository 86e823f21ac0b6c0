package dev.wplug;

/** A module is no plugin that can be loaded; the status says why. */
public final class LoadException extends WplugException {
    private static final long serialVersionUID = 1;

    LoadException(Status status, String message) {
        super(status, message);
    }
}
