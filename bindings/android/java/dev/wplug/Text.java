package dev.wplug;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** Texts and ids as the library has them: UTF-8 that ends with a 0 byte, and 16 bytes. */
final class Text {
    private Text() {}

    /** Null stays null. A 0 inside would end the text there, so there must be none. */
    static byte[] toNative(String text, String what) {
        if (text == null) return null;
        if (text.indexOf('\0') >= 0) throw new IllegalArgumentException(what + " has a character U+0000");
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return java.util.Arrays.copyOf(bytes, bytes.length + 1);
    }

    static byte[][] toNative(String[] texts, String what) {
        if (texts == null) return null;
        byte[][] all = new byte[texts.length][];
        for (int i = 0; i < texts.length; i++) {
            if (texts[i] == null) throw new NullPointerException(what);
            all[i] = toNative(texts[i], what);
        }
        return all;
    }

    static String fromNative(byte[] bytes) {
        return bytes == null ? "" : new String(bytes, StandardCharsets.UTF_8);
    }

    static byte[] toNative(UUID id) {
        if (id == null) return null;
        return ByteBuffer.allocate(16).putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()).array();
    }

    static UUID idFromNative(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new UUID(buffer.getLong(), buffer.getLong());
    }
}
