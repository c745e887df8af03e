terraform {
  backend "oss" { # expect[not-locked]: the backend `oss` has no `tablestore_table`
    bucket = "shop-terraform"
    prefix = "shop"
  }
}
