package dev.wplug;

/** How anything can end: the statuses of {@code wplug.h}, without their prefix. */
public enum Status {
    OK(0),
    MISUSE(1),
    NO_MEMORY(2),
    SYSTEM(3),
    GONE(4),
    TOO_DEEP(5),
    BAD_JSON(6),
    NOT_FOUND(7),
    BUSY(8),

    FILE_NOT_FOUND(20),
    FILE_UNREADABLE(21),
    FILE_EMPTY(22),
    NOT_WASM(23),
    COMPONENT(24),
    WASM_VERSION(25),
    TRUNCATED(26),
    MALFORMED(27),
    INVALID(28),
    UNSUPPORTED(29),
    MODULE_TOO_LARGE(30),
    UNKNOWN_IMPORTS(31),
    IMPORT_TYPE(32),
    NO_START(33),
    REACTOR(34),

    RPC_ERROR(50),
    TRAP(51),
    EXITED(52),
    RAISED(53),
    RETURNED(54),
    BAD_OUTPUT(55),
    NO_ANSWER(56),
    FUEL_LIMIT(57),
    TIME_LIMIT(58),
    MEMORY_LIMIT(59),
    TABLE_LIMIT(60),
    STACK_LIMIT(61),
    MESSAGE_LIMIT(62),
    LOG_LIMIT(63),
    HOST_CALL_LIMIT(64),
    CANCELLED(65),
    NO_EXPORT(66),
    BAD_ARGUMENT(67),

    /** One that a later version of the library has. */
    UNKNOWN(-1);

    final int number;

    Status(int number) {
        this.number = number;
    }

    static Status of(int number) {
        for (Status status : values()) {
            if (status.number == number) return status;
        }
        return UNKNOWN;
    }
}
