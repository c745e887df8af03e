terraform {
  backend "gcs" {
    bucket = "shop-terraform" # expect[shared-sample low certain]: this module and `examples/one` write the same state
    prefix = "shop"
  }
}
