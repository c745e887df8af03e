terraform {
  required_version = ">= 1.10"

  backend "s3" { # expect[not-locked medium certain]: two people can write the state at once: the backend does not lock it, expected `use_lockfile = true`
    bucket  = "shop-terraform"
    key     = "shop/prod/terraform.tfstate"
    region  = "eu-central-1"
    encrypt = false # expect[not-encrypted low certain]: `encrypt` is `false`
  }
}
