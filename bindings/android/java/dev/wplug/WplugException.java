package dev.wplug;

/** Something failed; the message is a sentence that says what to do about it. */
public class WplugException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final Status status;

    WplugException(Status status, String message) {
        super(message);
        this.status = status;
    }

    public Status status() {
        return status;
    }
}
