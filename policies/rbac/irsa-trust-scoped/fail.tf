# The way most tutorials have it, and what is forgotten of it.
resource "aws_iam_openid_connect_provider" "this" {
  url             = data.aws_eks_cluster.shop.identity[0].oidc[0].issuer
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"]
}

data "aws_iam_policy_document" "open" {
  statement { # expect[no-subject high certain]: every ServiceAccount of the cluster may take the role, expected a condition on `…:sub`
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.this.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${replace(aws_iam_openid_connect_provider.this.url, "https://", "")}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "wildcards" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    effect  = "Allow"
    principals {
      type        = "Federated"
      identifiers = ["arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"]
    }
    condition {
      test     = "StringLike"
      variable = "oidc.eks.eu-central-1.amazonaws.com/id/ABC:sub"
      values = [
        "system:serviceaccount:shop:cart",
        "system:serviceaccount:*:orders",     # expect[wildcard high certain]: every ServiceAccount that matches `system:serviceaccount:*:orders` may take the role
        "system:serviceaccount:shop:*",       # expect[wildcard]: `system:serviceaccount:shop:*`
        "system:serviceaccount:${var.team}:*", # expect[wildcard]: matches `system:serviceaccount:${var.team}:*`
      ]
    }
    condition {
      test     = "StringEquals"
      variable = "oidc.eks.eu-central-1.amazonaws.com/id/ABC:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "audience" {
  statement { # expect[no-audience medium certain]: tokens for every audience of the provider may take the role
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [module.eks.oidc_provider_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${module.eks.oidc_provider}:sub"
      values   = ["system:serviceaccount:shop:cart"]
    }
  }
}

# Everybody but one.
data "aws_iam_policy_document" "all_but_one" {
  statement { # expect[no-subject]: every ServiceAccount of the cluster
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [var.eks_oidc_provider_arn]
    }
    condition {
      test     = "StringNotEquals"
      variable = "${var.issuer}:sub"
      values   = ["system:serviceaccount:shop:cart"]
    }
  }
}

resource "aws_iam_role" "json" {
  name = "json"
  # expect[no-subject]: every ServiceAccount of the cluster
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC" }
      Condition = { StringEquals = { "oidc.eks.eu-central-1.amazonaws.com/id/ABC:aud" = "sts.amazonaws.com" } }
    }]
  })
}

module "irsa" {
  source                     = "terraform-aws-modules/iam/aws//modules/iam-role-for-service-accounts-eks"
  assume_role_condition_test = "StringLike"
  oidc_providers = {
    main = {
      provider_arn               = module.eks.oidc_provider_arn
      namespace_service_accounts = ["shop:cart", "shop:*"] # expect[wildcard]: every ServiceAccount that matches `shop:*`
    }
  }
}
