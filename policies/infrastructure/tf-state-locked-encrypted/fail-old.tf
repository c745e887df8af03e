terraform {
  required_version = "~> 1.9.0"

  backend "s3" { # expect[not-locked]: expected `dynamodb_table` # expect[encrypt-unset info certain]: `encrypt` is not set
    bucket = "shop-terraform"
    key    = "shop/prod/terraform.tfstate"
    region = "eu-central-1"
  }
}
