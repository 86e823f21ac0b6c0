# A build without vectors (WPLUG_SIMD=OFF).

test_a_module_with_vectors_is_refused_by_the_proposals_name() {
    wplug run "$GUESTS/vector.wasm"
    expect_status 126
    expect_err_has "needs the proposal 'simd', which is not enabled"
    wplug inspect --static "$GUESTS/vector.wasm"
    expect_status 3
}
