terraform {
  backend "s3" {
    bucket               = "shop-terraform"
    key                  = "terraform.tfstate"
    workspace_key_prefix = "a"
  }
}
