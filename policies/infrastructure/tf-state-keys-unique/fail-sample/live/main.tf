terraform {
  backend "gcs" {
    bucket = "shop-terraform"
    prefix = "shop" # expect[shared-sample low certain]: this module and `examples/one` write the same state
  }
}
