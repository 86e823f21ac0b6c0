# Vectors, in a build that has them.

test_a_module_with_vectors_runs() {
    wplug inspect --static "$GUESTS/vector.wasm"
    expect_status 0
    expect_out_matches '^features +simd$'
    wplug run "$GUESTS/vector.wasm"
    expect_status 0
}
